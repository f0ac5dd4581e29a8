"""The claims of the papers, tested in the world of our scenes.

`ferret evaluate ablations` trains every arm of a claim with several seeds and writes one table and one plot. Start
with claims.py, which says what is claimed and by which arms it is tested; naming.py and instructing.py train them,
verdicts.py holds the rule by which a claim reproduces or does not.
"""

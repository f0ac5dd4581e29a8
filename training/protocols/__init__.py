"""The public benchmarks as pure functions: a file of the real format to questions, raw answers to a typed result.

One file a benchmark. Each offers a reader, which gives a `Benchmark` of questions (picture, words, regions in pixels),
and a scorer, which takes that benchmark and what the model wrote, in the same order, to a `Result`. The protocols are
those by which Ferret was measured (ferret-spec 4), so that figures can be laid beside the published ones.
"""

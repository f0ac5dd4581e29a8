"""The public benchmarks: files of the real formats to questions, raw answers to a typed result, and runs of a model.

One file a benchmark. Each offers a reader, which gives a `Benchmark` of questions (picture, words, regions in pixels),
and a `Protocol`, which takes that benchmark and what the model wrote, in the same order, to a `Result`. The protocols
are those by which Ferret was measured (ferret-spec 4), so that figures can be laid beside the published ones; where
they depart from the released programs, `answers.MENDED` lists it.

`runs.Run` puts a benchmark to a model in a folder that it can be continued in, `leaderboard` lays runs side by side,
and `cli` is `ferret evaluate`.
"""

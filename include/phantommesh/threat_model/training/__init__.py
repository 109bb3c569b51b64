"""Makes a model: samples from recorded alerts or from a running platform, fit, evaluation, promotion.

Lives here: everything that needs lightgbm, numpy or scipy, run by `phantommesh train` as a process of its own. Must
not live here, and may not import this: anything that a replica runs.
"""

"""Checks of the evidence itself: whether the data sets are what they claim to be, complete and without gaps.

Lives here: Great Expectations suites over the data sets, and checks of completeness over several of them.
Must not live here: verdicts on the platform (those are ``analysis``'), and repairs of data: what is wrong is named.
The only package of the engine that imports great_expectations, which takes seconds, so it is imported when first used.
"""

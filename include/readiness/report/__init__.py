"""What people read of a run: the HTML report with its figures, and the words that every report shares.

Lives here: sentences and rows made of results (``summary``), figures made of evidence (``figures``), the HTML
page (``html`` and ``templates``).
Must not live here: a judgement. Verdicts and decisions come in as values; nothing here compares a value with its
target to decide anything. No input or output either: the stage that calls this reads evidence and writes files.
"""

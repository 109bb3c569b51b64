"""The outside world, one module each.

Lives here: whatever reads, writes or starts something beyond this process. Must not live here: judgement - a
client reports what it found and leaves what it means to analysis and stages.
"""

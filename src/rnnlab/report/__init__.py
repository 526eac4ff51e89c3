"""One self-contained HTML page about a run or a study, from its directory alone.

Reads run and study directories; never imports torch.
"""

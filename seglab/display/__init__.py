"""Numbers as people read them: cells and sheets (terminal, Markdown, CSV), scores of runs, pictures of label maps.

May import runs, labels, errors and the titles of seglab.metrics; no torch.
"""

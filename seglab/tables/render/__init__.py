"""A compared table as text, Markdown, LaTeX, CSV and as a page for a browser.

May import the survey, the comparison and the plan.
"""

"""Tables of ablations: what is to be measured, what was measured, how rows compare, and how it is shown."""

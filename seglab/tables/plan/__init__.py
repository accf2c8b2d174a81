"""What a table's YAML says, checked: rows, seeds, columns, published rows, budgets.

May import no other room of tables/.
"""

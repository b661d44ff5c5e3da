"""Worksheets that people fill in (JHA, SCL, HAZOP, LOPA), scored by LS, LEC or MES.

    forms.yaml (columns) + methods.yaml (scales, bands) ──▶ a sheet's lines ──▶ factor × factor ──▶ band ──▶ one of four colours, with its rule
                                                     Excel ◀──▶ versions in records.db ──▶ review, signature, paper

In: lines that a person, a workbook or the HAZOP wizard wrote. Out: each line's product, exactly; its colour and the rule that gave it; what the
lines are about, checked against the plant in force. A colour is the edition's arithmetic and no verdict; a line that lacks a factor has none.
"""

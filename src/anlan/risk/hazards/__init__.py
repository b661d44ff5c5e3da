"""Major hazard installations (重大危险源) by GB 18218-2018.

Enters: units of production and storage with their substances and design maximum quantities, the people registered within 500 m. Leaves: S, R and
the level of each unit, step by step with the clause it rests on, and what is missing or 未核对原文; the signed identifications that the law goes
by, with history and three-year clock; the live masses of tanks beside them.
"""

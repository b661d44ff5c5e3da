"""Studies: what a person keeps of hazard knowledge — a fault tree, an event tree, a bow-tie, a net, layers of protection.

    studies/*.yaml ──▶ draft ──kind.read──▶ model ──kind.solve(model, facts)──▶ answer ──▶ outcome · figure · paper
                         │ versions                          ▲
                         ▼                                   │ point, alarm, bypass, barrier, permit: true, false or unknown
                      records.db                        the running node (facts)

In: texts with a header (`study, kind, name, place`), from the plant folder or the console. Out: immutable versions with author, reason and base;
what each study says of the plant as it is now, as a factor against its baseline, with what moved it and the share that is unknown; and what its
baseline would be with this plant's own failure data (`plant_figures.py`).

A kind of study is added by one class that fills `kinds.Kind`, and one line in `kinds.HOMES`:

    read(draft)             header is read already; `draft.body` are the entries that are the kind's own, each a YAML node with its line; take
                            `draft.nodes` to read them. Raises `written.Mistake` (or a class of it). Attached files (`file: tree.xml`) are in
                            `draft.attached`. Facts are read by `facts.read_binding(draft.nodes, node)`.
    bindings(model)         the facts that the model asks for, each with the place it was written at; checked against the plant for you
    solve(model, facts)     in a worker thread; `facts` None is the baseline, else a `Fact` for each binding. Take `fact.adverse`: unknown never
                            lowers risk. What is costly and does not depend on facts belongs into the model: it is kept while the study is.
    outcome(answer)         value and baseline, share unknown, what moved it: the list, the history and the alarm of a change are made of this
    figure(answer)          what the page of the kind draws, as JSON values; texts as {zh, en}
    paper(answer, language) sections of a printed study (`web.paper.document.Section`)

Who answers facts of a kind that this package does not know (`barrier`) tells `NodeFacts.of(context).answer_by("barrier", answerer)`.
"""

"""疏散呼叫: a person or a paired station calls a branch of the plant to evacuate; the call stands on every console of the branch until it is ended.

In: a step of a signed-in person with `evacuation.call`, or of 未识别 at a paired station. Out: a band and a sound of its own on every console of the
branch, a sound of the node, audit leaves, and a line in the book of calls. It needs neither the engine nor the records of people. How many people are
in the branch this system does not know, and it does not guess.
"""

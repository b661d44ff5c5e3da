"""Short help beside the fields that trip people: one source for the pages (`help_mark`) and the scripts (`static/help.js`), in both languages."""

from __future__ import annotations

from anlan.model.languages import Language, translate
from anlan.web.markup import Markup, el

HELP: dict[str, str] = {
    "address": "Where the device keeps the value, as its driver writes it: ns=2;s=TI-201, hr:100 float32, di:7. A list of all forms is in the documents under Drivers.",
    "class": "Alarms of one class are handled alike: which of them may be shelved, how often they are tested, what of them is reported. Without a class only the rules for all alarms hold.",
    "consequence": "What happens if nobody acts. If nothing happens, it is an event and no alarm.",
    "corrective_action": "What the operator does now: one step that can be done from the panel or by a call. It is shown with the alarm.",
    "dead_band": "How far the value must come back past the limit before the alarm is over. It keeps a value that trembles at its limit from raising the alarm again and again. 80 with a dead-band of 1 ends at 79.",
    "kind": "What is measured. It decides which units fit, which gas limits hold, and whether the point guards safety.",
    "limit": "The value from which the alarm raises. HH and H are above, L and LL below; HH lies beyond H. Nothing is entered that nobody has decided.",
    "delay": "How long the value must stay past its limit before the alarm raises (on) or must be back before it ends (off), by the readings' own time. A long delay costs the operator the time to respond.",
    "place": "The unit and equipment that the point belongs to: U100/V-101. Who is told of its alarms follows from the place.",
    "post": "The operating post whose people answer the alarm. Places below inherit the post of the place above.",
    "priority": "From consequence and time to respond: 1 is the gravest and sounds everywhere, 4 is the least. Few alarms should be of priority 1.",
    "quality": "Whether a value can be used: good, uncertain, or bad with a reason such as sensor failure or no communication. A bad value is never drawn as normal, and keeps its last adverse state.",
    "range": "What the transmitter can measure. A value outside is marked over or under range.",
    "reporting": "Cyclic: the device is asked, or sends, every so many seconds, and silence is a fault. On change: silence means unchanged while the link lives.",
    "security": "Basic256Sha256 signs and encrypts; the server's certificate is compared once by a person. TLS does the same for a broker whose certificate the machine's authorities vouch for. Without security anybody on the network can read and forge the values.",
    "time_to_respond": "How long the operator has before the consequence can no longer be prevented, in seconds.",
    "unit_address": "The number of the device behind a gateway, 0 to 255; 1 where there is only one.",
    "topics": "A filter of topics: + stands for one level, # for all below. plant/+/level hears the level of every tank.",
}  # fmt: skip
"""Field → English msgid."""


def help_texts(language: Language) -> dict[str, str]:
    return {field: translate(text, language) for field, text in HELP.items()}


def help_mark(field: str, language: Language) -> Markup:
    """A "?" that opens its text: by pointer and keyboard alike, without a script. Raises KeyError for a field without help."""
    mark = el("summary", "?", aria_label=translate("Help", language))
    return el("details", mark, el("p", translate(HELP[field], language)), cls="help")

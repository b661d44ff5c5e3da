"""The words of evacuation calls, and of a paired station whose node is away, for `client_words`."""

from __future__ import annotations

EVACUATION_WORDS: tuple[str, ...] = (
    "EVACUATE", "EXERCISE", "End the call", "End the evacuation call", "how many people are there is not known to this system",
    "The band and the sound end on every console. Whether people may go back is decided by who leads the response.",
    "Declare and end the call",
    "People can sign in now. Here you declare that your identity is not available: the audit record keeps it, and every console shows it for half an hour.",
    "Call a branch to evacuate", "This is an exercise: the call says so wherever it shows, and in its record",
    "It shows and sounds on every console of the branch, on walls and at paired stations, until it is ended. It opens no door and stops nothing in the plant; how many people are there is not known to this system.",
    "Hold for 2 s: call to evacuate", "Evacuation calls", "No call was ever made here.", "stands", "Ended", "Choose a branch", "Branch to evacuate", "Why it was ended",
    "Nobody was called: call by telephone, radio or the plant's own alarm, and try here again.",
    "Whether an alarm of this post stands is not known now.", "What stands below is from before.",
)  # fmt: skip

"""The words that the console's scripts say: English msgids, sent to each page in its language.

The scripts call `t("…")` with these; a test compares the two lists and the Chinese catalogue.
"""

from __future__ import annotations

from functools import cache

from anlan.model.languages import Language, translate
from anlan.model.quality import Reason
from anlan.model.units import units
from anlan.web.audit_words import AUDIT_WORDS
from anlan.web.drawing_words import DRAWING_WORDS
from anlan.web.evacuation_words import EVACUATION_WORDS
from anlan.web.failure_words import FAILURE_WORDS
from anlan.web.figure_words import FIGURE_WORDS
from anlan.web.hazard_words import HAZARD_WORDS
from anlan.web.proof_words import PROOF_WORDS
from anlan.web.settings_words import SETTINGS_WORDS
from anlan.web.start_words import START_WORDS
from anlan.web.studies_words import STUDIES_WORDS
from anlan.web.worksheet_words import WORKSHEET_WORDS

WORDS: tuple[str, ...] = (
    *AUDIT_WORDS,
    *EVACUATION_WORDS,
    *FAILURE_WORDS,
    *FIGURE_WORDS,
    *HAZARD_WORDS,
    *PROOF_WORDS,
    *SETTINGS_WORDS,
    *START_WORDS,
    *STUDIES_WORDS,
    *DRAWING_WORDS,
    *WORKSHEET_WORDS,
    # spans, states of a value
    "{n} s", "{n} min", "{n} h", "{n} d", "state {n}", "no data yet", "good", "uncertain", "bad",
    "calibrating", "late", "backfilled", "entered by hand", "exercise", "clock wrong",
    # alarms
    "condition gone", "active, unacknowledged", "active, acknowledged", "returned, unacknowledged", "latched, unacknowledged",
    "latched, acknowledged", "shelved", "suppressed by design", "out of service",
    "low-low", "low", "high", "high-high", "state", "bad quality", "no longer updated", "loss of view",
    "rate of change", "deviation", "frozen", "discrepancy", "time in state", "count", "condition",
    "At {time} {name} changed by {value} over {window} s, at or above its limit of {limit}.",
    "At {time} {name} was {value} away from {against}, at or above its limit of {limit}.",
    "Up to {time} {name} moved by no more than {limit} within {window} s: its transmitter may be frozen.",
    "At {time} {name} did not agree with its command {against}.",
    "At {time} {name} had been in this state for {value}, at or above its limit of {limit}.",
    "By {time} {name} had done so {value} times within {window} s, at or above its limit of {limit}.",
    "At {time} the condition “{when}” was met.",
    "priority {n}", "priority {n}: {standing} standing, {open} unacknowledged", "{n} more unacknowledged",
    "At {time} {name} was {value}, at or above its limit of {limit}.", "At {time} {name} was {value}, at or below its limit of {limit}.",
    "At {time} {name} went to “{value}”, a state that is set to alarm.",
    "At {time} {name} began to report bad quality; its value cannot be used.",
    "{name} has not been updated since {time}, longer than its reporting allows.",
    "The source {name} has not been heard since {time}: none of its points can be seen.",
    "From {time} to {end} {name} reported bad quality; its value could not be used.",
    "From {time} to {end} {name} was not updated, longer than its reporting allows.",
    "From {time} to {end} the source {name} was not heard: none of its points could be seen.",
    "It stayed so for {delay} s, the delay before alarming.", "Quality of that reading: {quality}.",
    "It is latched: once the value is back past {clear}, it still needs a reset.",
    "It clears once the value is back past {clear} for {off} s.", "It clears once the value is back past {clear}.",
    # alarm page
    "Silence", "Acknowledge", "Reset", "State", "Time", "Point", "Alarm", "When decided", "Now", "Post", "Acknowledged by",
    "Filter: tag, name, place", "Test the sound", "Standing alarms", "No alarm stands.", "No alarm is unacknowledged.",
    "New alarms appear here at once, worst first, and sound at this console.", "The filter leaves out every alarm here.",
    "{n} alarms are in this view.", "; the filter leaves out {n}", "{standing} standing, {open} unacknowledged",
    "; the worst {n} are shown", "Choose an alarm first.", "Refused: {why}", "Acknowledged: {alarm}", "Reset: {alarm}", "Marked as seen: {alarm}", "Seen", "Seen by",
    "data time {time}", "{n} safety points", "Close", "What to do", "If nothing is done", "Why",
    "No corrective action is written for this alarm.", "No consequence is written for this alarm.",
    "Safety points that cannot be seen", "Journal of this alarm", "Data time", "Noticed", "Place", "Trend",
    "Everything about this point", "Choose an alarm to see why it fired and what to do.",
    "condition on", "acknowledged", "reset", "shelving ended", "suppression ended", "taken out of service", "back in service",
    "readings not recorded",
    "rule changed", "late, corrected: began at {time}", "late, corrected: ended at {time}", "late, added: began at {time}", "late, added: ended at {time}",
    # put aside, passed on
    "Alarms",
    "Views of the list", "Since", "as its rule says", "passed on to {who}", "passed on", "silenced on one console", "shelved until {time}", "Shelve", "Take out of service",
    "Bring back", "No alarm is shelved.", "A person shelves an alarm for a time within the shift; it then comes back by itself.",
    "No alarm is suppressed by design.", "A rule suppresses an alarm while its condition holds; it then comes back by itself.",
    "No alarm is out of service.", "An alarm taken out of service for a work order stays so until a person returns it.",
    "Shelved: {alarm}", "Taken out of service: {alarm}", "Shelving ended: {alarm}", "Returned to service: {alarm}",
    "this alarm comes back by itself", "Work order", "Cancel", "For how long", "to the end of the shift {shift}, {time}", "until {time}",
    "It says nothing until then. If its condition stands, it comes back unacknowledged and sounds.",
    "It says nothing until a person returns it to service.", "Hidden",
    # response card
    "back within its limit", "coming back", "no change to be seen", "getting worse", "cannot be told",
    "its state is no longer the alarmed one", "still in the alarmed state", "the value can be used again", "the value still cannot be used",
    "the source is heard again", "the source is still not heard",
    "The value is not plainly good now: it says nothing of the action.",
    "The detector is being calibrated: its reading says nothing of the plant.", "The reading's clock is wrong: its trend cannot be told.",
    "Too few readings since for a trend.", "Too short since for a trend.", "The readings scatter too much for a trend.",
    "Back past its clearing limit; the alarm's delay still runs.", "Nobody has told the state of the source.",
    "The alarm is put aside: nobody has told its condition.", "It worked", "It did not work", "Not applicable",
    "Recorded: {alarm} · {answer}", "Taken up", "Did the action work?", "How it stands now", "No time to respond is written for this alarm.",
    "past the time to respond of {time}, since {clock}", "left of {time} to respond, until {clock}", "acknowledged by {who} at {time}",
    "nobody has acknowledged it yet", "passed on to nobody", "{distance} from its clearing limit {limit}",
    "past its clearing limit {limit} by {distance}", "changed by {slope} ± {half} {unit} per minute",
    "if it goes on so, back in {earliest} at the earliest", "if it goes on so, back in {earliest} to {latest}",
    "from {usable} usable of {n} readings over {span}", "Note", "the readings said", "gone at {time}",
    # blind spots
    "the first {n} of {total} are shown", "Nothing is hidden from this node now.", "not on the plan", "No valid gas detection in this area",
    "No valid detection of {kinds} in this area", "No valid gas detection", "No valid detection: {kinds}", "last heard {span} ago",
    "for at least {span}", "ended {time}", "{n} points, {safety} of them safety points", "inhibited", "faulty", "not seen", "nobody votes",
    "met by members that count as alarming", "{n} alarms cannot come as designed",
    # trends
    "15 min", "1 h", "8 h", "24 h", "7 d", "Live", "live", "stands still", "raw readings", "least to greatest of each {span}",
    "Add a point: tag or name", "No point is chosen.",
    "Type a tag or a name above; up to {n} points share one cursor. The address of this page keeps the choice.",
    "taken out of the plant {time}", "until {time} kept in {then}: not drawn, it does not become {now} exactly",
    "until {time} kept in {then}, converted", "until {time} called {id} {name}",
    "Name", "At the cursor", "Least", "Greatest", "Remove {point}", "Export", "All readings of this span", "Picture",
    # overview, sources, journal, point
    "{limited} of {of} points have limits; a point is counted once: calibrating, unknown, bypassed, outside or within.",
    "{time} left", "unknown {n}", "calibrating {n}", "bypassed {n}", "for {span}", "connected", "no connection", "unknown",
    "{n} readings/s", "{span} ago", "Version", "Plant configuration", "Core process", "Fault", "{n} frames behind", "Log on disk",
    "Frames in the log", "Engine", "Readings decided", "Alarms standing", "History", "received {time}", "quality",
    "What happened", "Value", "Limit", "By", "Reason", "Only this point: its tag", "Show", "Nothing has happened yet.",
    "Each change of an alarm and each step of a person is written here, with both times.", "Older",
    # alarm floods, the list in groups
    "not grouped", "by unit", "by equipment", "by point", "by source", "by first-out group", "Group the list",
    "first out by the SIS register", "first by time stamps", "first out unknown",
    "{count} alarms, {open} unacknowledged", "in {n} items", "{post}: {n} alarms in 10 minutes, since {time}", "no post",
    # detectors, the safety system, bypasses
    "A detector of gas or fire waits for the approval of a second person.", "All",
    "Anlan bypasses nothing: this lets a second person approve what is done at the safety system.", "Applied",
    "Applied concentration", "Apply the gas and press the button at that moment.", "Approval ends in", "Approve", "As found",
    "As left", "Ask", "Ask for approval", "Ask for approval of a bypass", "Asked: it waits for a second person.", "Baseline",
    "Begin calibration mode", "By the safety system's own clock", "Bypassed", "Calibrate", "Calibration due",
    "Calibration gas and bottle", "Calibration mode is on.",
    "Calibration mode is on: readings are no evidence, and its quality alarms are suppressed.", "Calibrations",
    "Cannot be seen", "Cause and effect", "Causes and effects stand under safety in plant.yaml.", "Certificate",
    "Certificate number", "Compensating measures",
    "Compensating measures, one a line; “AT-201 <= 1 words” is proven by its reading", "Demand log", "Detector",
    "End the approval", "End without a result", "Ended", "First out", "For how long at most", "Gas applied again",
    "Gas applied now", "Inhibit", "Inhibited.", "It counts again.",
    "Its readings count as calibration; a vote takes it out by its own rule. It ends by itself.", "Known to", "Limits",
    "No calibration is recorded here.", "No demand in this time.", "Not bypassed", "Nothing is bypassed.",
    "Only after the detector was reset on site.", "Principle", "Quality", "Record and end", "Recorded as incomplete.",
    "Calibration mode was not ended: {why}",
    "Recorded.", "Refuse", "Reset over range", "Reset.", "Result", "Settled at", "Since the gas",
    "Stroke time against required", "T90", "The approval has ended.", "The safety system is not described.",
    "This plant has no gas or fire detectors.", "This plant states no limits of its own: a person judges.",
    "This plant: error {error} % of range, T90 {t90} s, every {interval} d ({basis})", "Until", "Voting groups",
    "Wait until the reading has settled.", "Waiting for approval", "Watches", "What is demanded", "Without a standing approval",
    "Without approval", "Write down what was found and end calibration mode.", "You see none of its causes.", "approved",
    "as stated by the plant", "bypass unknown", "bypassed", "cannot be seen", "clear", "closes",
    "counts as alarm", "demanded, moving", "demanded, not there in time", "demands", "does not hold", "error", "failed",
    "faulty", "first out", "holds", "in its safe position", "incomplete", "inhibited", "last 24 h, by the sources' own stamps",
    "leads to it", "leaves the vote", "nobody votes", "not bypassed", "not checked against the original text; decides nothing",
    "not in its safe position", "not known", "not reached", "not stated", "only people can say", "open and closed at once",
    "opens", "overdue", "passed", "says of itself that it is calibrating", "starts", "still stands", "stops",
    "trips at {limit}", "vote stands", "was there already", "{id} says of itself that it is calibrating, and still votes here",
    "{left} left", "{who} asks for approval until {time} for {order}: {reason}",
    "{who} asks to inhibit it until {time} for {order}: {reason}", "{who}, approved by {other}",
    # the alarm system's performance
    "10 min", "this shift", "30 d", "all posts", "The beginning must lie before the end.",
    "{count} alarms of {alarms} different ones", "guide value of a post", "by each alarm's own time to respond",
    "not read in the standard's own text", "No alarm came more often than three times a minute.", "times", "shortest",
    "No flood: nowhere ten alarms in ten minutes.", "began", "lasted", "alarms", "most in 10 min", "still runs", "Measure", "Measured",
    "Guide values, for one post", "Guide values", "from", "to", "Alarms in each 10 minutes",
    "shaded: flood, from the tenth alarm in 10 minutes until fewer than five", "Priorities", "measured, and the standards' split",
    "No alarm in this window.", "Most frequent alarms", "choose one to see its limits",
    "Time to acknowledge, and until the condition was gone", "Nothing was acknowledged in this window.", "Chattering alarms",
    "index Ψ of Kondaveeti et al., above 0.05/s", "Alarm floods", "All measures", "figures are measured; none is judged",
    "{n} of them fleeting", "recorded since {time}", "no record yet",
    # master alarm database
    "Nothing was changed.", "In force: version {n}", "Bring the approved version into force", "Bring into force",
    "What runs (version {running}) differs from the approved version {approved}:", "Import a workbook…", "Export as a workbook",
    "Filter: tag, name, text", "Priority", "Every priority", "Class", "Every class", "No alarm fits.", "not in use",
    "Choose an alarm to see its rationalisation and to change its rule.", "target about {n} %", "the first {n} are shown", "version {n}",
    "{n} alarms", "targets and matrix not verified against the original text", "Delays", "Severity", "Time to respond", "By matrix", "Cause",
    "Rationalised", "Guards safety: tightening takes one person, loosening two.", "yes", "no", "Mistakes", "Takes two persons", "Changes",
    "Rule and rationalisation", "Comment, which the alarm's class demands", "Reason for the change", "Remarks", "The workbook was exported from version {n}; version {current} is current.",
    # why, replay
    "Say why: the reason is kept with the version.", "{alarm} stays as it was: {why}", "{alarm} is in force as version {n}.",
    "Bring into force with this effect", "No history yet of {alarms}: what the change would have done is unknown.", "effect unknown",
    "The history begins at {time}: nothing before it was replayed.", "Try over the last 24 h", "See the effect", "Replaying…",
    "Not replayed: {alarms}",
    "The values were changed since they were tried: try them again.",
    "Why?", "value, limit and delay", "delay {delay} s", "off-delay {delay} s", "replayed with the rules of version {n}",
    "last change at {time}", "no change before {time}", "Try other settings", "Dead band", "On-delay, s", "Off-delay, s", "Priority",
    "added", "gone", "merged", "earlier", "later", "Choose an alarm and type what is to be tried.", "The span ends before it begins.",
    "What is to be tried", "Add an alarm: tag or name", "From", "To", "Try",
    "Replayed through the same engine over this node's own history. Nothing is changed.", "Nothing has been tried yet.",
    "Choose an alarm, type another limit, dead-band or delay, and see which alarms would have been different.",
    "The journal held too many transitions: whether a source was in view before {time} is not known.",
    "The span held too many readings: only up to {time} was replayed.", "no longer chattering: {alarms}", "chattering now: {alarms}",
    "What would have been different", "{before} → {after} alarms ({change}), {missed} missed", "Alarms before and after over the trend",
    "{n} readings from {start} to {end}, rules of version {version}", "no longer announced", "later by {span}",
    "Grave alarms that are missed or late", "Nothing would have been different.", "What", "Later by", "… and {n} more",
    "{alarm} now", "{alarm} tried",
    # places
    "within limits", "Camera",
    # search
    "Page", "Source", "Person", "Nothing was found that you may see.",
    # shift handover
    "Account", "Add an open item", "Add to this handover", "Addenda", "Draft: the facts are of now", "Earlier handovers",
    "Facts up to", "Hand over", "Handed over by", "Hands over", "No open item.", "No remark.",
    "No shift has been handed over yet.", "None.", "Open item", "Open items", "Password", "Print", "Read",
    "Remarks and open items", "Remarks of who hands over", "Remarks of who takes over", "Remove this item", "Save", "Saved.",
    "Sign", "Sign and take over", "Signed", "Signed by both", "Signed by who hands over: the next person reads and signs",
    "Take over", "Take over this console too", "Taken over by", "Takes over",
    "The signed record stays as it is; this stands beside it with your name.",
    "The audit record has no leaf of this signature: whether this still is what was signed is unknown.",
    "This record is no longer what was signed: its hash does not match.", "This shift", "Views", "What is unknown",
    "Who takes over reads the facts and signs with the own account. The picture stays.",
    "With your signature the facts of this moment are kept. The next person signs after you, here or at another station.",
    "Withdraw the signature", "Withdrawn: the draft goes on.", "Words", "Your password", "carried over since {time}, {who}",
    "how it was settled", "settled", "still open",
    # paired stations, emergency answers
    "Declare: identity not available", "Declare and acknowledge",
    "People can sign in now. Journal and audit record keep this declaration, and every console shows it for half an hour.",
    "Code of the second factor",
    # security keys
    "No security key answered: touch it in time, and use one of your own.", "This security key is registered already.",
    "No security key answers to this address.", "This browser lets no security key answer here.", "Security key", "not at this address", "Phone",
    "Key, card or phone", "Answers to", "{n} codes on paper are left.", "Another key or phone", "Another key, or a phone", "Remove a second factor",
    "The last one stays where your role needs one: set up another first.", "Code from the phone, or one on paper; empty for the security key",
    "A paired station answers alarms of its post when nobody can sign in. What is done there is recorded as unidentified, with post and station.",
    "Each answer here is recorded as unidentified, at this post and station ({station}), and shown on every console.",
    "From where", "Its key is worth nothing from then on.", "Made by", "Make", "Make a station",
    "Name of the station, as people call it", "No alarm of this post stands.", "No station is paired.",
    "Open {address} in the station's browser and type this code. It is shown only now and lasts an hour.", "Pair this station",
    "Paired", "People can sign in: answer by your own name if there is time.", "Revoke", "Revoke the station", "Sign in",
    "Station", "The records of people cannot be read: nobody can sign in now.", "Unidentified, post {post}", "code expired",
    "paired", "revoked", "waits for its code", "{name} is signed in here: answer on the ordinary pages.",
    # people, roster, own account
    "A new one-time password for {name}?", "A program shows a token instead of signing in. It may no more than you.",
    "A second person decides: neither you nor its owner.", "Account, for example wang.li", "Add", "Add a person",
    "Branch of the plant", "Change the password", "Change: {day} {shift}",
    "Changed; all other sessions have ended.", "Choose another",
    "Consoles at a post stay in view with nobody signed in.", "Copy it now: it is not shown again.", "Days until it expires",
    "Duty roster", "End", "Filter: account, name, role, post", "Give", "Give one more:", "Given; in force at once.",
    "It counts from everyone's next sign-in and empties no running console.", "Make a token", "Name in Latin letters",
    "Name of the program", "New codes for paper", "New password", "New password again", "No session runs.", "Nobody fits.",
    "Nobody holds a role at this post yet.", "Nobody is signed in at this console.", "On duty: {day} {shift}",
    "One-time password of {name}. It is shown only now and is good for a week.",
    "Only these kinds of action; none chosen: all of the role's", "People", "People; several with Ctrl",
    "Post, for roles that work at one", "Present password", "Profile", "Remove", "Role", "Roles of {name}",
    "Rules for passwords and sessions", "Sign out everywhere",
    "Sign out", "Sign out everywhere else", "Sign {name} out everywhere?", "are revoked too", "stay as they are", "Take away", "Take away the second factor of {name}?",
    "Taken away; in force at once.", "The earlier ones are worth nothing then.",
    "The present password and all sessions end. Consoles at a post stay in view with nobody signed in.",
    "The two new passwords differ.", "Week after", "Week before",
    "What it may do; several with Ctrl", "Your role needs one from {time}.", "at no post", "closed", "console left in view",
    "demo", "expired", "has a one-time password", "here", "holds nothing", "never", "none",
    "not checked against the original text", "only {kinds}", "running: {shift} of {day}", "set up", "signed in",
    "the shift as a whole", "wherever mine hold", "whole plant",
    "{who} asks to take away the second factor of {person}: {reason}", "Reopen", "Close account", "Withdraw", "Roles",
    "One-time password", "Second factor lost", "Sessions", "view", "operate", "approve", "configure", "manage",
    "Reopen the account of {name}?", "Close the account of {name}?",
    "All sessions and tokens end at once; the record keeps the name.", "Second factor", "Last used", "For",
    "Where I am signed in", "Tokens for programs",
    # configuration
    "Configuration", "Alarm classes", "Requests", "Versions", "Reporting period", "Guards", "In use", "Comment needed", "May be shelved", "Longest",
    "Test every", "Review every", "Training", "Asked", "Loosened", "Decided", "Into the draft", "In the draft: {id}",
    "Draft: {n} changes", "Draft on version {n}", "In the draft", "Readings that are kept already", "Out of the draft: {id}", "taken away", "New",
    "The draft takes this away.", "Let the draft go", "What you typed is kept: choose {id} again to go on.", "Looking…", "Takes two persons: it loosens what guards safety", "Alarms now",
    "ends", "begins, once its delay has run", "goes on", "not known before it runs",
    "Sources that are read anew, a few seconds without values", "You hold no right to configure at: {places}", "Ask a second person",
    "waits", "declined", "withdrawn", "void", "machine account {name}", "Take on", "Decline",
    "Sources", "Places", "Options", "Keep-alive",
    "overridden by one person", "Override alone…", "Loosen alone, at night", "Minutes, 30 at most", "Why it cannot wait", "End it now", "Review…",
    "Only where nobody is on duty who could approve it; for half an hour at most. It sounds at every console and at the node, ends by itself, and a second person reviews it afterwards.",
    "Review of a night override", "What you say of it", "agreed", "objected", "Night override", "{alarms}, from {began} until {ends}",
    "runs, ends by itself", "ended {time} by {name}, version {n}", "ended {time} by itself, version {n}", "not reviewed yet",
    "reviewed {time} by {name}: {verdict}",
    "The machine's account asked, which is no person: one takes it on, another approves.", "made on version {n}",
    "Void: what it changes has been changed since", "Places concerned", "approved by {name}", "Approve as the second person",
    "Own password", "Code of the second factor, if one is set up", "You then answer for having asked; another person approves.",
    "The first version.", "Bring back this version…", "Bring back version {n}", "As a new version, through the same checks.",
    "Nothing differs from what is approved now.", "Every source", "only what guards safety", "Every state", "two persons",
    "Choose a line to see and change it. Changes gather in a draft and come into force together.", "Add…", "Nothing here fits.",
    "{n} requests wait for you", "Range", "Sign as who asks", "It takes two persons: sign it, then another approves it.",
    "Unsigned it waits for nobody: a console that is left open asks for no one.",
    "Who asked has not signed this yet; until then nobody can approve it.", "You hold no right to add or move what is read at: {places}",
    # frame
    "Connection to the node lost for {span}: nothing on this screen is live.", "lost",
    "The node's core does not answer: nothing on this screen is live and no alarm is decided here now.", "connecting",
    "This browser still refuses sound. Allow it for this address in the browser's settings.",
    "The node does not answer.",
)  # fmt: skip

REASONS: dict[Reason, str] = {
    Reason.COMMUNICATION: "communication lost",
    Reason.STALE: "no longer updated",
    Reason.OVER_RANGE: "over range",
    Reason.UNDER_RANGE: "under range",
    Reason.SENSOR_FAILURE: "sensor failure",
    Reason.MAINTENANCE: "under maintenance",
    Reason.CALIBRATION: "calibrating",
    Reason.STOPPED: "equipment stopped",
    Reason.LAST_USABLE: "last usable value",
    Reason.CONFIGURATION: "configuration error",
    Reason.DEVICE_FAILURE: "device failure",
    Reason.SUBSTITUTED: "substituted",
    Reason.NOT_CONNECTED: "not connected",
    Reason.OUT_OF_SERVICE: "out of service",
    Reason.NE43_LOW: "signal below 3.6 mA",
    Reason.NE43_HIGH: "signal above 21 mA",
    Reason.OVER_RANGE_LATCHED: "over range, latched until reset on site",
    Reason.NO_DATA_YET: "no data yet",
    Reason.NOT_A_NUMBER: "not a number",
    Reason.UNSPECIFIED: "reason not given",
    Reason.ENGINEERING_LIMIT: "beyond engineering limits",
    Reason.CALIBRATION_OVERDUE: "calibration overdue",
}
"""Why a reading is not plainly good, in words; every reason but NONE has some (a test checks)."""


@cache
def client_words(language: Language) -> dict[str, str]:
    return {msgid: translate(msgid, language) for msgid in WORDS}


@cache
def quality_reasons(language: Language) -> dict[int, str]:
    return {int(reason): translate(words, language) for reason, words in REASONS.items()}


@cache
def unit_signs(language: Language) -> dict[str, str]:
    """Code → printed sign, for the codes that print otherwise; the bare number "1" prints nothing."""
    signs = {code: unit.label.text(language) for code, unit in units().items()}
    return {code: "" if sign == "—" else sign for code, sign in signs.items() if sign != code}

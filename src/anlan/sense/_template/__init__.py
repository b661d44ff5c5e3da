"""Template: lines of text over TCP. Say here what the protocol is and how it is read."""

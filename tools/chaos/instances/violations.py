"""What must hold."""

from typing import Final

INVARIANTS: Final = {
    "converged": "what is wanted of an instance is what it is, {seconds} s after the last kill",
    "kept": "what was accepted last is what is wanted",
    "single": "a creation that was repeated with its key made one instance",
    "unleaked": "processes and folders of agents, deployments and specs are those of the rows",
    "history": "a history has no gap, and ends in what the row says",
    "delivered": "every event of a history was handled once by each of its subscribers",
    "refused": "no message was accepted after a stop or a deletion",
    "own": "an answer is the instance's own, of what it consists of",
    "quotas": "an account has used what its rows say",
    "blameless": "no outage was told as the agent's failure, or counted as a failed start",
    "orderly": "nobody was answered 500 or waited for ever, nothing ended by itself, and no log tells of an error",
}
"""By their names in the table and in violations."""

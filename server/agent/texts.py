"""Jokes and stories of the local agent. A story lasts more than 20 seconds, so that there is something to interrupt."""

from __future__ import annotations

__all__ = ["JOKES", "STORIES"]

JOKES = (
    ("Why did the microphone go to school?", "It wanted to be a little less noisy."),
    ("I told my computer that I needed a break.", "It said: no problem, I will go to sleep."),
    ("What do you call a parrot that flew away?", "A polygon."),
    ("Why are echoes never lonely?", "They always get an answer."),
)
STORIES = (
    (
        "Once upon a time there was a lighthouse keeper called Mara, who lived on a small island far from the coast.",
        "Every evening she climbed one hundred and twelve steps and lit the great lamp.",
        "One night a thick fog came up, and the lamp would not burn.",
        "Far out at sea she heard the horn of a ship, and it was coming closer.",
        "Mara thought for a moment, took her old trumpet from the wall, and went out to the cliff.",
        "She played the loudest song she knew, again and again, until her lips hurt.",
        "The captain heard the music, turned his ship around, and waited for the morning.",
        "When the sun rose, the whole crew rowed to the island to thank her.",
        "They repaired the lamp together, and then they had a long breakfast on the beach.",
        "Since that day, every ship that passes the island blows its horn three times.",
        "And if you listen carefully, you can still hear a trumpet answer.",
    ),
    (
        "In a town between two hills there was a clock that was always seven minutes late.",
        "Everybody knew it, so everybody was always on time.",
        "One day a clever young mechanic came by and repaired it without asking.",
        "The next morning the baker opened too early, and nobody came for bread.",
        "The train left before the passengers arrived, and the school bell rang in an empty yard.",
        "By noon the whole town stood in the square and argued about what time it was.",
        "The mechanic listened for a while, and then she smiled.",
        "She climbed up the tower and turned the hands back, exactly seven minutes.",
        "The baker closed, the train came back, and the children went in.",
        "Since then a small sign hangs under the clock.",
        "It says: please do not help me, I know what I am doing.",
    ),
)

"""Proofs, one module each.

A module defines

    NUMBER: int          its place in tables
    TITLE: str           a few words
    PROVES: str          a sentence
    ADVICE: str          a sentence for the user where it fails
    READS: tuple         the parts of a subject that decide its result: "model", "data", "train",
                         "full" (the config before it was made small); presets that are equal in
                         them share a result
    def run(subject) -> Evidence
        raises NotApplicable where it has nothing to say
"""

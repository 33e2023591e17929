"""Every deliberate fault, in the order of the table that the session prints."""

from tests.mutants import (
    of_rare_moments,
    of_the_digests,
    of_the_disk,
    of_the_engines,
    of_the_gates,
    of_the_lease,
    of_the_levels,
    of_the_members,
    of_the_register,
    of_the_unseen,
    of_the_votes,
    of_trust,
)

EVERY = (
    *of_the_lease.MUTANTS,
    *of_the_disk.MUTANTS,
    *of_the_register.MUTANTS,
    *of_the_votes.MUTANTS,
    *of_the_unseen.MUTANTS,
    *of_the_digests.MUTANTS,
    *of_the_engines.MUTANTS,
    *of_the_gates.MUTANTS,
    *of_the_levels.MUTANTS,
    *of_the_members.MUTANTS,
    *of_rare_moments.MUTANTS,
    *of_trust.MUTANTS,
)

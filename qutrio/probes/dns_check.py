"""The DNS prober: up means that a name has the records that the check expects.

The name servers of the check are the target: when they do not answer, that is their fault.
Those of the node or the cluster are not; for them the resolver finds whose fault it is.
"""

from qutrio.model.dns_check import DnsCheck
from qutrio.probes.attempt import LookUpError, Progress, attempt
from qutrio.probes.dns.message import Question, Rcode, Reply
from qutrio.probes.dns.names import MalformedError
from qutrio.probes.dns.records import TYPES, mismatch, some_of, text_of
from qutrio.probes.interface import Tools
from qutrio.probes.observations import NoAnswer, Observation, abstain, fail


async def probe_dns(check: DnsCheck, tools: Tools) -> Observation:
    """Ask for the check's records once, and compare."""

    async def steps(progress: Progress) -> Observation:
        question = Question(check.host, TYPES[check.record])
        if check.resolvers:
            progress.enter(f"asking {some_of(list(check.resolvers))} for {check.target}")
        else:
            progress.enter_look_up(check.host)
        try:
            reply = await tools.resolver.ask(question)
        except MalformedError as error:
            return fail(str(error))
        if isinstance(reply, NoAnswer):
            return _unanswered(check, reply)
        return _judge(check, reply, progress)

    return await attempt(check, tools, steps)


def _unanswered(check: DnsCheck, failure: NoAnswer) -> Observation:
    """Return the vote about name servers of the check; raises `LookUpError` for others."""
    if not check.resolvers:
        raise LookUpError(failure)
    vote = fail if failure.asked else abstain
    return vote(f"no answer for {check.target}: {failure.why}")


def _judge(check: DnsCheck, reply: Reply, progress: Progress) -> Observation:
    if reply.rcode == Rcode.NXDOMAIN:
        return progress.fail(f"{check.host} does not exist (NXDOMAIN)")
    found = sorted(text_of(record) for record in reply.records)
    if not found:
        return progress.fail(f"{check.host} has no {check.record.value.upper()} record")
    problem = mismatch(check, found)
    listed = some_of(found)
    return progress.fail(f"{problem}; found {listed}") if problem else progress.ok(listed)

# SPDX-License-Identifier: BSD-2-Clause
"""Bring-up under random fault plans, many in one run of the machine.

Every load of the module draws the next plan of the seed and the debug port shows it (tests/tdxemu/fault.h). `tdx stop` disables
the module, which loads it anew; `tdx start` brings it up under the plan drawn then. A plan without a refusal for good must end
READY; any other ends READY or in a sentence that names the refusal. Nothing may be lost either way.
A run is repeated by its seed; one plan of it by plans=SEED.NUMBER, or by its text as fault=TEXT.
"""

import re

import machine
from harness import BOOT_SECONDS, PROMPT, bare, books, case, check, command, power_off, run_case, say

PLANS_PER_RUN = 25
START_SECONDS = 120
MEMORY_MIB = 1024
PLAN = re.compile(rb"tdxemu: plan (\d+\.(\d+)) (transient|permanent): (\S+)")
REFUSED = re.compile(rb"tdxemu: plan \S+ has refused (\d+) of")
# A core that is said to be initialised and is not shows when the module is configured.
SHOWS_LATER = {"SYS_LP_INIT_DONE": "SYS_CONFIG_NOT_PENDING"}


class Plan:
    """A plan that the module drew, from its line on the debug port: the first or the last one."""

    def __init__(self, run, index):
        drawn = PLAN.findall(run.debug_text())
        check(drawn, "the machine drew no plan\n" + run.tail())
        self.name, number, kind, text = (group.decode() for group in drawn[index])
        self.number = int(number)
        self.transient = kind == "transient"
        self.text = text
        self.status = text.split(",")[-1].split(":")[2].split("/")[0]

    def __str__(self):
        return "plan %s (%s)" % (self.name, self.text)


def judge(plan, output, run):
    """True: READY. Fails the case when the outcome is not one the plan allows."""
    if "module ready" in output:
        return True
    check("TDX is not available" in output, "%s: neither ready nor a sentence:\n%s" % (plan, output))
    check(not plan.transient, "%s is transient, but bring-up gave up:\n%s" % (plan, output))
    named = [plan.status, SHOWS_LATER.get(plan.status, plan.status)]
    check(any(name in output for name in named), "%s: the sentence does not name %s:\n%s" % (plan, plan.status, output))
    check("books equal" in output, "%s: the books are not equal after the failure:\n%s\n%s" % (plan, output, run.tail()))
    return False


def run_plans(run, outcomes):
    """Start and stop until enough plans were seen; adds (transient, ready) of each plan's first attempt to `outcomes`."""
    run.expect(PROMPT, BOOT_SECONDS)
    output = run.received.decode(errors="replace")
    plan = Plan(run, 0)
    empty = None
    while True:
        is_ready = judge(plan, output, run)
        if plan.number == len(outcomes):
            outcomes.append((plan.transient, is_ready))
        if is_ready:
            stopped = command(run, "tdx stop", START_SECONDS)
            check("stopped, books equal" in stopped, "%s: `tdx stop` says:\n%s" % (plan, stopped))
        now = books(run)
        check(now["PAMT"] == (0, 0) and now["total"][1] == 0, "%s: stopped, but pages are still donated: %s" % (plan, now))
        check(empty in (None, now["free"]), "%s: free were %s KiB, now %s" % (plan, empty, now["free"]))
        empty = now["free"]
        if len(outcomes) == PLANS_PER_RUN:
            break
        plan = Plan(run, -1)
        output = command(run, "tdx start", START_SECONDS)
    power_off(run)


def plans_case(number, cpus, below=""):
    name = "plans_%d" % number
    seed = 100 + number

    def steps(run):
        outcomes = []
        run_plans(run, outcomes)
        transient = [is_ready for is_transient, is_ready in outcomes if is_transient]
        refusals = sum(int(count) for count in REFUSED.findall(run.debug_text()))
        check(refusals > PLANS_PER_RUN, "%d plans refused only %d calls" % (PLANS_PER_RUN, refusals))
        say("         %s: %d plans of seed %d refused %d calls; %d transient, all ready; %d with a refusal for good, %d ready" %
            (name, len(outcomes), seed, refusals, len(transient), len(outcomes) - len(transient),
             sum(is_ready for _, is_ready in outcomes) - len(transient)))

    def run():
        run_case(name, machine.Bochs, bare(name, ("plans=%d %s" % (seed, below)).strip()), steps, cpus=cpus,
                 memory_mib=MEMORY_MIB)
    run.__name__ = name
    case(run)


plans_case(1, 1)
plans_case(2, 2)
plans_case(3, 4)
plans_case(4, 2, "packages=2")
plans_case(5, 4, "packages=2")
plans_case(6, 1, "platform=dynamic-pamt")
plans_case(7, 2, "platform=dynamic-pamt")
plans_case(8, 4, "packages=2 platform=dynamic-pamt")

# SPDX-License-Identifier: BSD-2-Clause
"""Bring-up under random fault plans, many in one run of the machine.

Every load of the module draws the next plan of the seed and the debug port shows it (tests/tdxemu/fault.h). `tdx stop` disables
the module, which loads it anew; `tdx start` brings it up under the plan drawn then. A plan without a refusal for good must end
READY; any other ends READY or in a sentence that names the refusal. Nothing may be lost either way.
A run is repeated by its seed; one plan of it by plans=SEED.NUMBER, or by its text as fault=TEXT.
"""

import os
import re

import machine
from harness import BOOT_SECONDS, PROMPT, TOP, bare, books, case, check, command, power_off, run_case, say

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


def check_books(run, plan, baseline):
    """Nothing is donated to a stopped module, and every owner has what it had in `baseline`. Returns today's books."""
    now = books(run)
    now.pop("longest free", None)
    check(now["PAMT"] == (0, 0) and now["total"][1] == 0, "%s: stopped, but pages are still donated: %s" % (plan, now))
    changed = {owner: (baseline[owner], now[owner]) for owner in now if baseline and baseline[owner] != now[owner]}
    check(not changed, "%s: the books differ from those of the first stop: %s" % (plan, changed))
    return now


def run_plans(run, count):
    """Start and stop until `count` plans were seen; returns [(plan, ready at its first attempt)]."""
    run.expect(PROMPT, BOOT_SECONDS)
    output = run.received.decode(errors="replace")
    plan = Plan(run, 0)
    outcomes = []
    baseline = None  # taken when bring-up went all the way once: what it allocates for good it has then
    while True:
        is_ready = judge(plan, output, run)
        if plan.number == len(outcomes):
            outcomes.append((plan, is_ready))
        if is_ready:
            stopped = command(run, "tdx stop", START_SECONDS)
            check("stopped, books equal" in stopped, "%s: `tdx stop` says:\n%s" % (plan, stopped))
        now = check_books(run, plan, baseline)
        if is_ready and baseline is None:
            baseline = now
        if len(outcomes) == count:
            return outcomes
        plan = Plan(run, -1)
        output = command(run, "tdx start", START_SECONDS)


def plans_case(number, cpus, below=""):
    name = "plans_%d" % number
    seed = 100 + number

    def steps(run):
        outcomes = run_plans(run, PLANS_PER_RUN)
        transient = sum(plan.transient for plan, _ in outcomes)
        refusals = sum(int(count) for count in REFUSED.findall(run.debug_text()))
        check(refusals > PLANS_PER_RUN, "%d plans refused only %d calls" % (PLANS_PER_RUN, refusals))
        say("         %s: %d plans of seed %d refused %d calls; %d transient, all ready; %d with a refusal for good, %d of them ready" %
            (name, len(outcomes), seed, refusals, transient, len(outcomes) - transient,
             sum(is_ready for _, is_ready in outcomes) - transient))
        power_off(run)

    def run():
        run_case(name, machine.Bochs, bare(name, ("plans=%d %s" % (seed, below)).strip()), steps, cpus=cpus,
                 memory_mib=MEMORY_MIB)
    run.__name__ = name
    case(run)


# Leaves of bring-up that are refused with every error status of the module's table, one after the other.
REFUSED_LEAVES = ("TDH.SYS.INIT", "TDH.SYS.CONFIG", "TDH.SYS.KEY.CONFIG", "TDH.SYS.TDMR.INIT")


def statuses_case(leaf):
    """Each status is named, and nothing is lost."""
    name = "statuses_" + leaf.lower().replace(".", "_")
    with open(os.path.join(TOP, "include/spec/tdx/status.h")) as header:
        table = re.findall(r"X\((\w+), (0x[0-9a-f]{16})ull\)", header.read())
    errors = {status for status, value in table if int(value, 16) >> 63}

    def steps(run):
        outcomes = run_plans(run, len(errors))
        check({plan.status for plan, _ in outcomes} == errors, "not every status was given")
        refused = sum(not is_ready for _, is_ready in outcomes)
        say("         %s: %d statuses, %d of them ended bring-up" % (name, len(outcomes), refused))
        check(refused > len(errors) * 3 // 4, "only %d of %d statuses ended bring-up" % (refused, len(errors)))
        power_off(run)

    def run():
        run_case(name, machine.Bochs, bare(name, "statuses=" + leaf), steps, memory_mib=MEMORY_MIB)
    run.__name__ = name
    case(run)


for refused_leaf in REFUSED_LEAVES:
    statuses_case(refused_leaf)
plans_case(1, 1)
plans_case(2, 2)
plans_case(3, 4)
plans_case(4, 2, "packages=2")
plans_case(5, 4, "packages=2")
plans_case(6, 1, "platform=dynamic-pamt")
plans_case(7, 2, "platform=dynamic-pamt")
plans_case(8, 4, "packages=2 platform=dynamic-pamt")

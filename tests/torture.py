"""A diagram that asks more of the store than ours do, made for the random walks.

A loop around a part that forks three ways: reviewers one after the other, cut short by a limit; an
inclusive choice with a reminder that comes three times; parallel items, each a part of its own
with a loop in it. Every fork and join lies inside a part, as the modelling rules want.
"""

from itertools import pairwise

NAME = "torture"


def element(kind: str, key: str, inside: str = "", **attributes: str) -> str:
    told = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f'<{kind} id="{key}"{told}>{inside}</{kind}>'


def user(key: str, inside: str = "") -> str:
    form = (
        '<extensionElements><spiffworkflow:properties><spiffworkflow:property name="form" '
        'value="none.v1"/></spiffworkflow:properties></extensionElements>'
    )
    return element("userTask", key, form + inside, name=key)


def path(*keys: str) -> str:
    return "".join(
        element("sequenceFlow", f"F_{a}_{b}", sourceRef=a, targetRef=b) for a, b in pairwise(keys)
    )


def when(a: str, b: str, condition: str) -> str:
    told = f"<conditionExpression>{condition}</conditionExpression>"
    return element("sequenceFlow", f"F_{a}_{b}", told, sourceRef=a, targetRef=b)


def timer(key: str, host: str, kind: str, text: str, cancels: str) -> str:
    told = f'<timerEventDefinition id="TD_{key}"><{kind}>{text}</{kind}></timerEventDefinition>'
    return element("boundaryEvent", key, told, attachedToRef=host, cancelActivity=cancels)


def several(count: str, one_by_one: str) -> str:
    return (
        f'<multiInstanceLoopCharacteristics isSequential="{one_by_one}">'
        f"<loopCardinality>{count}</loopCardinality></multiInstanceLoopCharacteristics>"
    )


def service(key: str, function: str, parameter: str, value: str) -> str:
    told = (
        "<extensionElements>"
        f'<spiffworkflow:serviceTaskOperator id="{function}" resultVariable="told">'
        f'<spiffworkflow:parameters><spiffworkflow:parameter id="{parameter}" type="str" '
        f"value='{value}'/></spiffworkflow:parameters></spiffworkflow:serviceTaskOperator>"
        "</extensionElements>"
    )
    return element("serviceTask", key, told)


def reviewers() -> str:
    """One after the other; a limit ends them all."""
    return (
        user("UT_in_turn", several("n_turns", "true"))
        + timer("BT_cut", "UT_in_turn", "timeDate", 'due("cut")', "true")
        + service("SV_cut", "escalate", "clock", '"cut"')
        + user("UT_after_cut")
        + element("exclusiveGateway", "GW_turns")
        + path("GW_fork", "UT_in_turn", "GW_turns", "GW_join")
        + path("BT_cut", "SV_cut", "UT_after_cut", "GW_turns")
    )


def choices() -> str:
    """An inclusive fork and join in a part of its own, and a reminder three times."""
    inside = (
        element("startEvent", "SE_choice")
        + element("inclusiveGateway", "GW_any", default="F_GW_any_UT_c")
        + user("UT_a")
        + user("UT_b")
        + user("UT_c")
        + element("inclusiveGateway", "GW_all")
        + element("endEvent", "EE_choice")
        + path("SE_choice", "GW_any")
        + when("GW_any", "UT_a", "take_a")
        + when("GW_any", "UT_b", "take_b")
        + path("GW_any", "UT_c", "GW_all")
        + path("UT_a", "GW_all")
        + path("UT_b", "GW_all", "EE_choice")
    )
    return (
        element("subProcess", "SP_choice", inside)
        + timer("BT_remind", "SP_choice", "timeCycle", '"R3/PT24H"', "false")
        + service("SV_remind", "escalate", "clock", '"remind"')
        + element("endEvent", "EE_remind")
        + path("GW_fork", "SP_choice", "GW_join")
        + path("BT_remind", "SV_remind", "EE_remind")
    )


def items() -> str:
    """Parallel parts with a loop inside each."""
    inside = (
        element("startEvent", "SE_item")
        + user("UT_do")
        + user("UT_check")
        + element("exclusiveGateway", "GW_good", default="F_GW_good_EE_item")
        + element("endEvent", "EE_item")
        + timer("BT_late", "UT_do", "timeDuration", '"PT30H"', "false")
        + service("SV_late", "escalate", "clock", '"late"')
        + element("endEvent", "EE_late")
        + path("SE_item", "UT_do", "UT_check", "GW_good", "EE_item")
        + when("GW_good", "UT_do", "bad")
        + path("BT_late", "SV_late", "EE_late")
    )
    part = element("subProcess", "SP_items", several("n_parts", "false") + inside)
    return part + path("GW_fork", "SP_items", "GW_join")


def xml() -> str:
    """The file."""
    inside = (
        element("startEvent", "SE_round")
        + element("parallelGateway", "GW_fork")
        + element("parallelGateway", "GW_join")
        + element("endEvent", "EE_round")
        + path("SE_round", "GW_fork")
        + path("GW_join", "EE_round")
        + reviewers()
        + choices()
        + items()
    )
    body = (
        element("startEvent", "SE_all")
        + user("UT_plan")
        + element("subProcess", "SP_round", inside)
        + user("UT_close")
        + element("exclusiveGateway", "GW_again", default="F_GW_again_EE_all")
        + element("endEvent", "EE_all")
        + path("SE_all", "UT_plan", "SP_round", "UT_close", "GW_again", "EE_all")
        + when("GW_again", "UT_plan", "again")
    )
    return (
        '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" '
        'xmlns:spiffworkflow="http://spiffworkflow.org/bpmn/schema/1.0/core" '
        'id="D" targetNamespace="urn:yili:torture">'
        f'<process id="{NAME}" isExecutable="true">{body}</process></definitions>'
    )

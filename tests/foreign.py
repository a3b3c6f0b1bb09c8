"""Diagrams as other tools write them, and files meant to do harm. All written for these tests."""

# ruff: noqa: E501 - lines as those tools write them

from tests.canary import Canary, planted

MODEL = "http://www.omg.org/spec/BPMN/20100524/MODEL"
DI = (
    'xmlns:bpmndi="http://www.omg.org/spec/BPMN/20100524/DI" '
    'xmlns:dc="http://www.omg.org/spec/DD/20100524/DC" '
    'xmlns:di="http://www.omg.org/spec/DD/20100524/DI"'
)

CAMUNDA_7 = f"""<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="{MODEL}" {DI} xmlns:camunda="http://camunda.org/schema/1.0/bpmn"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:modeler="http://camunda.org/schema/modeler/1.0"
 id="Definitions_0k3" targetNamespace="http://bpmn.io/schema/bpmn" exporter="Camunda Modeler"
 exporterVersion="5.30.0" modeler:executionPlatform="Camunda Platform" modeler:executionPlatformVersion="7.22.0">
  <bpmn:process id="Process_1abc" isExecutable="true" camunda:historyTimeToLive="180">
    <bpmn:startEvent id="StartEvent_1"><bpmn:outgoing>Flow_1</bpmn:outgoing></bpmn:startEvent>
    <bpmn:sequenceFlow id="Flow_1" sourceRef="StartEvent_1" targetRef="Activity_1"/>
    <bpmn:userTask id="Activity_1" name="Review invoice" camunda:formKey="embedded:app:forms/a.html"
     camunda:assignee="demo" camunda:candidateGroups="accounting">
      <bpmn:extensionElements>
        <camunda:taskListener event="create"><camunda:script scriptFormat="groovy">CODE</camunda:script></camunda:taskListener>
      </bpmn:extensionElements>
      <bpmn:incoming>Flow_1</bpmn:incoming><bpmn:outgoing>Flow_2</bpmn:outgoing>
      <bpmn:multiInstanceLoopCharacteristics camunda:collection="reviewers" camunda:elementVariable="r"/>
    </bpmn:userTask>
    <bpmn:sequenceFlow id="Flow_2" sourceRef="Activity_1" targetRef="Gateway_1"/>
    <bpmn:exclusiveGateway id="Gateway_1"><bpmn:incoming>Flow_2</bpmn:incoming>
      <bpmn:outgoing>Flow_3</bpmn:outgoing><bpmn:outgoing>Flow_4</bpmn:outgoing></bpmn:exclusiveGateway>
    <bpmn:sequenceFlow id="Flow_3" sourceRef="Gateway_1" targetRef="Activity_2">
      <bpmn:conditionExpression xsi:type="bpmn:tFormalExpression" language="javascript">CODE</bpmn:conditionExpression>
    </bpmn:sequenceFlow>
    <bpmn:sequenceFlow id="Flow_4" sourceRef="Gateway_1" targetRef="Event_1"/>
    <bpmn:scriptTask id="Activity_2" name="Run" scriptFormat="python"><bpmn:script>CODE</bpmn:script></bpmn:scriptTask>
    <bpmn:endEvent id="Event_1"><bpmn:incoming>Flow_4</bpmn:incoming></bpmn:endEvent>
  </bpmn:process>
</bpmn:definitions>"""

CAMUNDA_8 = f"""<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="{MODEL}" {DI} xmlns:zeebe="http://camunda.org/schema/zeebe/1.0"
 id="D" targetNamespace="http://bpmn.io/schema/bpmn">
  <bpmn:process id="maternal_death" isExecutable="true">
    <bpmn:startEvent id="StartEvent_1"/>
    <bpmn:serviceTask id="Activity_0x" name="Mail"><bpmn:extensionElements>
      <zeebe:taskDefinition type="io.camunda:email:1"/><zeebe:ioMapping><zeebe:input source="=CODE" target="to"/>
      </zeebe:ioMapping></bpmn:extensionElements></bpmn:serviceTask>
    <bpmn:receiveTask id="Activity_0r" messageRef="M"/>
    <bpmn:boundaryEvent id="Event_b" attachedToRef="Activity_0x"><bpmn:errorEventDefinition/></bpmn:boundaryEvent>
  </bpmn:process>
  <bpmn:message id="M" name="m"/>
</bpmn:definitions>"""

FLOWABLE = f"""<?xml version='1.0' encoding='UTF-8'?>
<definitions xmlns="{MODEL}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xmlns:flowable="http://flowable.org/bpmn" xmlns:design="http://flowable.org/design"
 typeLanguage="http://www.w3.org/2001/XMLSchema" expressionLanguage="http://www.w3.org/1999/XPath"
 targetNamespace="http://www.flowable.org/processdef" design:palette="flowable-work-process-palette">
  <process id="leave" name="请假" isExecutable="true" flowable:candidateStarterGroups="flowableUser">
    <extensionElements><design:stencilid><![CDATA[BPMNDiagram]]></design:stencilid></extensionElements>
    <startEvent id="start" flowable:initiator="initiator" flowable:formFieldValidation="false"/>
    <userTask id="bpmnTask_1" name="审批" flowable:assignee="${{initiator}}" flowable:formKey="f1"/>
    <serviceTask id="bpmnTask_2" name="通知" flowable:expression="${{CODE}}"/>
    <intermediateCatchEvent id="wait"><timerEventDefinition><timeDuration>PT5M</timeDuration></timerEventDefinition></intermediateCatchEvent>
    <inclusiveGateway id="g"/>
    <subProcess id="sub" triggeredByEvent="true"><startEvent id="s2"><signalEventDefinition signalRef="x"/></startEvent></subProcess>
    <sequenceFlow id="a" sourceRef="start" targetRef="bpmnTask_1"/>
    <sequenceFlow id="b" sourceRef="start" targetRef="bpmnTask_1"/>
    <sequenceFlow id="c" sourceRef="bpmnTask_1" targetRef="nowhere"/>
  </process>
  <signal id="x" name="x"/>
</definitions>"""

SIGNAVIO = f"""<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<definitions xmlns="{MODEL}" xmlns:omgdi="http://www.omg.org/spec/DD/20100524/DI"
 xmlns:signavio="http://www.signavio.com" exporter="Signavio Process Editor, http://www.signavio.com"
 exporterVersion="16.2.0" id="sid-1" targetNamespace="http://www.signavio.com">
  <collaboration id="sid-2"><participant id="sid-3" name="医院" processRef="sid-4"/>
    <participant id="sid-3b" name="卫健委" processRef="sid-4b"/>
    <messageFlow id="sid-mf" sourceRef="sid-7" targetRef="sid-3b"/></collaboration>
  <process id="sid-4" isExecutable="false" processType="None">
    <laneSet id="sid-5"><lane id="sid-6" name="院长"><extensionElements>
      <signavio:signavioMetaData metaKey="bgcolor" metaValue=""/></extensionElements>
      <flowNodeRef>sid-7</flowNodeRef></lane></laneSet>
    <startEvent id="sid-8" name=""/>
    <task id="sid-7" name="Do something" completionQuantity="1"><extensionElements>
      <signavio:signavioMetaData metaKey="userstory" metaValue="CODE"/></extensionElements></task>
    <dataObject id="sid-9"/>
    <textAnnotation id="sid-t"><text>注</text></textAnnotation>
    <sequenceFlow id="sid-10" sourceRef="sid-8" targetRef="sid-7"/>
  </process>
  <process id="sid-4b" processType="None"/>
</definitions>"""

BIZAGI = f"""<?xml version="1.0"?>
<bpmn:definitions xmlns:bpmn="{MODEL}" xmlns:b="http://www.bizagi.com/bpmn20" targetNamespace="x">
  <bpmn:process id="Id_1" isClosed="false">
    <bpmn:extensionElements><b:BizagiExtensions xmlns:b="http://www.bizagi.com/bpmn20"/></bpmn:extensionElements>
    <bpmn:startEvent id="Id_2"/><bpmn:startEvent id="Id_3"/>
    <bpmn:userTask id="Id_4"/><bpmn:userTask id="Id_4"/>
    <bpmn:complexGateway id="Id_5"/><bpmn:eventBasedGateway id="Id_6"/>
    <bpmn:adHocSubProcess id="Id_7"/><bpmn:transaction id="Id_8"/>
    <bpmn:callActivity id="Id_9" calledElement="../../etc/passwd"/>
    <bpmn:userTask id="End"/><bpmn:oops/>
  </bpmn:process>
</bpmn:definitions>"""

TOOLS = {
    "Camunda Modeler, platform 7": CAMUNDA_7,
    "Camunda Modeler, platform 8": CAMUNDA_8,
    "Flowable Design": FLOWABLE,
    "Signavio": SIGNAVIO,
    "Bizagi": BIZAGI,
}

_LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
HARMFUL = {
    "a bomb of entities": f'<!DOCTYPE d [<!ENTITY l0 "ha">{_LAUGHS}]><a>&l9;</a>',
    "a file of the server": '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "an address of the net": '<!DOCTYPE d SYSTEM "http://127.0.0.1:9/x.dtd"><a/>',
    "an entity of parameters": '<!DOCTYPE d [<!ENTITY % p SYSTEM "http://127.0.0.1:9/">%p;]><a/>',
    "another encoding": '<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE d+AD4-<a/>',
    "depth": "<a>" * 100_000,
    "breadth": f'<d xmlns="{MODEL}"><process>{"<task/>" * 20_000}</process></d>',
    "length": "<a>" + "x" * 2_000_000 + "</a>",
    "other XML": '<html xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script></html>',
    "an inclusion": '<a xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="/etc/passwd"/></a>',
}


def armed(text: str, bird: Canary) -> str:
    """With code in every place that another engine would run."""
    return text.replace("CODE", planted(bird)[0].replace("&", "&amp;").replace("<", "&lt;"))

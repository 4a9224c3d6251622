"""The files that the Functions host and the Azure Developer CLI read. Of the host's files the public schemas know too little:
host.json's refuses `customHandler`. https://learn.microsoft.com/azure/azure-functions/functions-custom-handlers
"""

import copy
import json
import os
import unittest
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[3]

HTTP_OUT = {"type": "http", "direction": "out", "name": "res"}
HTTP_IN = {"type", "direction", "name", "authLevel", "route", "methods"}
TRIGGERS = {
    "eventGridTrigger": {"type", "direction", "name", "cardinality"},
    "httpTrigger": HTTP_IN,
    "timerTrigger": {"type", "direction", "name", "schedule"},
}
HOST = {"version", "extensionBundle", "functionTimeout", "logging", "customHandler"}
AZURE = {"name", "infra", "hooks"}
HOOKS = {"predeploy": "./deploy/package.sh", "postdeploy": "./deploy/release.sh"}


def function_mistakes(function):
    """What is wrong in a function.json."""
    if set(function) != {"bindings"}:
        return [f"members {sorted(function)}"]
    trigger, *others = function["bindings"]
    if set(trigger) != TRIGGERS.get(trigger.get("type"), set()) or trigger["direction"] != "in":
        return [f"trigger {trigger}"]
    if trigger["type"] == "httpTrigger":
        right = trigger["authLevel"] == "function" and others == [HTTP_OUT]
        right = right and set(trigger["methods"]) <= {"get", "put", "delete", "post", "patch"}
        return [] if right else [f"http {function}"]
    if trigger["type"] == "eventGridTrigger" and (trigger["name"], trigger["cardinality"]) != ("event", "one"):
        return [f"event {trigger}"]
    if trigger["type"] == "timerTrigger" and len(trigger["schedule"].split()) != 6:
        return [f"schedule {trigger['schedule']}"]
    return [f"bindings {others}"] if others else []


def host_mistakes(host):
    """What is wrong in host.json."""
    mistakes = [f"member {name}" for name in set(host) ^ HOST]
    if mistakes:
        return mistakes
    handler = host["customHandler"]
    if handler != {"description": {"defaultExecutablePath": "acs-push"}, "enableForwardingHttpRequest": True}:
        mistakes.append(f"customHandler {handler}")
    if host["version"] != "2.0":
        mistakes.append(f"version {host['version']}")
    bundle = {"id": "Microsoft.Azure.Functions.ExtensionBundle", "version": "[4.*, 5.0.0)"}
    if host["extensionBundle"] != bundle:
        mistakes.append(f"extensionBundle {host['extensionBundle']}")
    # Longer than Maintenance takes, shorter than any plan allows.
    hours, minutes, seconds = map(int, host["functionTimeout"].split(":"))
    if not 60 <= hours * 3600 + minutes * 60 + seconds <= 300:
        mistakes.append(f"functionTimeout {host['functionTimeout']}")
    return mistakes


def azure_mistakes(azure):
    """What is wrong in azure.yaml."""
    mistakes = [f"member {name}" for name in set(azure) ^ AZURE]
    if mistakes:
        return mistakes
    infra = azure["infra"]
    if set(infra) != {"provider", "path", "module"} or infra["provider"] != "bicep":
        mistakes.append(f"infra {infra}")
    elif not (ROOT / infra["path"] / f"{infra['module']}.bicep").is_file():
        mistakes.append(f"infra {infra}")
    for name in set(azure["hooks"]) ^ set(HOOKS):
        mistakes.append(f"hook {name}")
    for name, hook in azure["hooks"].items():
        if set(hook) != {"posix", "windows"} or any(set(each) != {"shell", "run"} for each in hook.values()):
            mistakes.append(f"hook {name}: {hook}")
        elif hook["posix"] != {"shell": "sh", "run": HOOKS.get(name)}:
            mistakes.append(f"hook {name}: {hook['posix']}")
        elif hook["windows"]["shell"] != "pwsh" or "WSL" not in hook["windows"]["run"]:
            mistakes.append(f"hook {name}: {hook['windows']}")
    return mistakes


def read(path):
    return json.loads((ROOT / path).read_text())


class AppFiles(unittest.TestCase):
    def planted(self, check, good, changes):
        for change in changes:
            bad = copy.deepcopy(good)
            change(bad)
            with self.subTest(bad=bad):
                self.assertNotEqual(check(bad), [])

    def test_functions(self):
        folders = [path.parent.name for path in ROOT.glob("*/function.json")]
        self.assertEqual(sorted(folders), ["EventGridTrigger", "Installations", "Maintenance", "Status"])
        for folder in folders:
            self.assertEqual(function_mistakes(read(f"{folder}/function.json")), [], folder)
        self.planted(function_mistakes, read("EventGridTrigger/function.json"), [
            lambda bad: bad["bindings"][0].update(cardinality="many"),
            lambda bad: bad["bindings"][0].update(type="eventHubTrigger"),
            lambda bad: bad.update(scriptFile="acs-push"),
        ])
        self.planted(function_mistakes, read("Status/function.json"), [
            lambda bad: bad["bindings"][0].update(authLevel="anonymous"),
            lambda bad: bad["bindings"].pop(),
        ])
        self.planted(function_mistakes, read("Maintenance/function.json"), [
            lambda bad: bad["bindings"][0].update(schedule="* * * * *"),
        ])

    def test_host(self):
        self.assertEqual(host_mistakes(read("host.json")), [])
        self.planted(host_mistakes, read("host.json"), [
            lambda bad: bad["customHandler"]["description"].update(defaultExecutablePath="./acs-push"),
            lambda bad: bad["customHandler"].pop("enableForwardingHttpRequest"),
            lambda bad: bad.pop("extensionBundle"),
            lambda bad: bad.update(functionTimeout="00:00:30"),
            lambda bad: bad.update(customHandlers={}),
        ])

    def test_azure_yaml(self):
        azure = yaml.safe_load((ROOT / "azure.yaml").read_text())
        self.assertEqual(azure_mistakes(azure), [])
        for script in HOOKS.values():
            self.assertTrue(os.access(ROOT / script, os.X_OK), script)
        self.planted(azure_mistakes, azure, [
            lambda bad: bad.update(services={"api": {}}),
            lambda bad: bad["infra"].update(module="mains"),
            lambda bad: bad["hooks"].update(postdeploi=bad["hooks"].pop("postdeploy")),
            lambda bad: bad["hooks"]["predeploy"]["posix"].update(run="./deploy/packages.sh"),
            lambda bad: bad["hooks"]["predeploy"].pop("windows"),
        ])

    def test_visual_studio_code(self):
        labels = {task["label"] for task in read(".vscode/tasks.json")["tasks"]}
        for task in read(".vscode/tasks.json")["tasks"]:
            self.assertLessEqual(set(task.get("dependsOn", [])), labels)
        for configuration in read(".vscode/launch.json")["configurations"]:
            self.assertIn(configuration.get("preLaunchTask", "build"), labels)
        for file in ["settings.json", "extensions.json"]:
            self.assertTrue(read(f".vscode/{file}"))


if __name__ == "__main__":
    unittest.main()

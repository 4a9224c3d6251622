"""The Bicep of infra/: nothing is wrong in it, and planted mistakes are found. Document: docs/deploy.md."""

import json
import re
import unittest
from pathlib import Path

from bicep import mistakes_of

INFRA = Path(__file__).parents[3] / "infra"

# File, what stands there, what is planted instead, and what is said of it.
PLANTED = [
    ("app.bicep", "sites@2025-03-01' = {", "sites@2025-03-09' = {", "unknown type or version Microsoft.Web/sites@2025-03-09"),
    ("app.bicep", "'Microsoft.Web/sites@", "'Microsoft.web/sites@", "is written Microsoft.Web/sites@2025-03-01"),
    ("app.bicep", "keyVaultReferenceIdentity:", "keyVaultReferencesIdentity:", "perhaps 'keyVaultReferenceIdentity'"),
    ("app.bicep", "name: 'custom', version", "name: 'rust', version", "'rust' is none of"),
    ("app.bicep", "'UserAssignedIdentity', user", "'UserIdentity', user", "'UserIdentity' is none of"),
    ("app.bicep", "httpsOnly: true", "httpsOnly: 'true'", "properties.httpsOnly is a string"),
    ("app.bicep", "reserved: true", "reserved: 1", "properties.reserved is a number"),
    ("app.bicep", "${secret}alerts-primary)'", "${secrets}alerts-primary)'", "nothing is called 'secrets'"),
    ("app.bicep", "output id string = app.id", "output id string = app.listKeys().x", "the output 'id' shows a secret"),
    ("hub.bicep", "rights: ['Send']", "rights: 'Send'", "properties.rights is a string"),
    ("hub.bicep", "            endpoint: endpoint\n", "", "properties.apnsCredential.properties lacks 'endpoint'"),
    ("hub.bicep", "fcmV1Credential", "fcmCredential", "properties has no 'fcmCredential'"),
    ("hub.bicep", "notificationHubs@2023-10-01-preview' = {", "notificationHubs@2023-09-01' = {", "unknown type or version"),
    ("hub.bicep", "@secure()\nparam appleKey string", "param appleKey string", "'appleKey' needs @secure()"),
    ("hub.bicep", "param endpoint string\n", "param endpoint string\nparam more string\n", "hub.bicep needs the parameter 'more'"),
    ("hub.bicep", "enabled: true }]\n    metrics", "enabled: 'yes' }]\n    metrics", "properties.logs[].enabled is a string"),
    ("main.bicep", "'hubs.bicep'", "'br/public:avm/res/hub:0.1.0'", "comes from a registry"),
    ("main.bicep", "'hubs.bicep'", "'hub-s.bicep'", "module hub-s.bicep does not exist"),
    ("main.bicep", "    calls: calls\n", "    rings: calls\n", "hubs.bicep has no parameter 'rings'"),
    ("main.bicep", "output calls bool = calls", "output calls string = appleKey", "the output 'calls' shows a secret"),
    ("foundation.bicep", "sku: { name: 'Standard_LRS' }", "sku: 'Standard_LRS'", "sku is a string"),
    ("foundation.bicep", "  kind: 'StorageV2'\n", "", "the resource lacks 'kind'"),
    ("foundation.bicep", "TLS1_2", "TLS1.2", "'TLS1.2' is none of"),
    ("foundation.bicep", "retentionInDays: 30", "retentionInDays: '30'", "properties.retentionInDays is a string"),
    ("roles.bicep", "principalId: topicPrincipalId\n", "principal: topicPrincipalId\n", "properties lacks 'principalId'"),
    ("topic.bicep", "identity: { type: 'SystemAssigned' }", "identity: { type: 'System' }", "'System' is none of"),
    ("topic.bicep", "location: 'global'\n  tags: tags\n  identity", "tags: tags\n  identity", "the resource lacks 'location'"),
    ("topic.bicep", "'metric-alerts.bicep'", "'metrics-alerts.bicep'", "module metrics-alerts.bicep does not exist"),
    ("topic.bicep", "    actionGroupIds: actionGroupIds\n", "", "metric-alerts.bicep needs the parameter 'actionGroupIds'"),
    ("alerts.bicep", "queries/late-calls.kql", "queries/late-call.kql", "the file queries/late-call.kql does not exist"),
    ("alerts.bicep", "timeAggregation: 'Count'", "timeAggregation: 'Sum'", "'Sum' is none of"),
    ("alerts.bicep", "groupShortName: 'acs-push'\n", "", "properties lacks 'groupShortName'"),
    ("metric-alerts.bicep", "SingleResourceMultipleMetricCriteria", "SingleResourceCriteria", "odata.type is none of"),
    ("metric-alerts.bicep", "severity: each.severity\n", "", "properties lacks 'severity'"),
    ("events.bicep", "'AzureFunction'", "'AzureFunctions'", "endpointType is none of"),
    ("events.bicep", "'StringBeginsWith'", "'StringStartsWith'", "operatorType is none of"),
    ("events.bicep", "maxEventsPerBatch: 1", "maxEventsPerBatch: '1'", "maxEventsPerBatch is a string"),
    ("events.bicep", "      maxDeliveryAttempts: 30\n", "      maxDeliveryAttempts: 30,,\n", "syntax"),
]


class Templates(unittest.TestCase):
    def test_nothing_is_wrong_in_them(self):
        mistakes, resources = mistakes_of(INFRA)
        self.assertEqual(mistakes, [])
        self.assertGreaterEqual(len(set(resources)), 18)

    def test_planted_mistakes_are_found(self):
        for file, there, planted, message in PLANTED:
            with self.subTest(planted=planted):
                source = (INFRA / file).read_text()
                self.assertIn(there, source)
                mistakes, _ = mistakes_of(INFRA, {file: source.replace(there, planted, 1)})
                self.assertTrue(any(message in mistake for mistake in mistakes), mistakes)

    def test_parameters_of_azd_are_those_of_the_template(self):
        declared = set(re.findall(r"^param (\w+)", (INFRA / "main.bicep").read_text(), re.M))
        given = json.loads((INFRA / "main.parameters.json").read_text())["parameters"]
        self.assertEqual(set(given) - declared, set())

    def test_events_that_event_grid_gives_up_have_a_place(self):
        made = re.search(r"^var deadLetters = '(.+)'", (INFRA / "foundation.bicep").read_text(), re.M)[1]
        written = re.search(r"blobContainerName: '(.+)'", (INFRA / "events.bicep").read_text())[1]
        self.assertEqual(written, made)

    def test_nothing_opens_without_an_identity(self):
        text = (INFRA / "foundation.bicep").read_text()
        for closed in ["allowSharedKeyAccess: false", "disableLocalAuth: true", "DisableLocalAuth: true",
                       "enableRbacAuthorization: true", "allowBlobPublicAccess: false"]:
            self.assertIn(closed, text)


if __name__ == "__main__":
    unittest.main()

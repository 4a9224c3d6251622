// The ACS resource and its system topic. Each exists already, or is made; the topic is in the resource group of the ACS resource.

param tags object
param isNewService bool
param serviceName string
@description('Of a new ACS resource.')
param dataLocation string
param isNewTopic bool
param topicName string
param workspaceId string

resource newService 'Microsoft.Communication/communicationServices@2025-09-01' = if (isNewService) {
  name: serviceName
  location: 'global'
  tags: tags
  properties: { dataLocation: dataLocation }
}

resource service 'Microsoft.Communication/communicationServices@2025-09-01' existing = {
  name: serviceName
}

// Its identity writes the events that Event Grid gives up.
resource newTopic 'Microsoft.EventGrid/systemTopics@2025-02-15' = if (isNewTopic) {
  name: topicName
  location: 'global'
  tags: tags
  identity: { type: 'SystemAssigned' }
  dependsOn: [newService]
  properties: {
    source: service.id
    topicType: 'Microsoft.Communication.CommunicationServices'
  }
}

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: topicName
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'acs-push'
  scope: topic
  dependsOn: [newTopic]
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'DeliveryFailures', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

output id string = topic.id
output principalId string = isNewTopic ? newTopic.identity.principalId : topic.identity.principalId

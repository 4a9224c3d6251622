// The ACS resource and its system topic. Each exists already, or is made; the topic is in the resource group of the ACS resource.

param tags object
@description('One of these two has a value.')
param newServiceName string
param serviceName string
@description('Of a new ACS resource.')
param dataLocation string
@description('One of these two has a value.')
param newTopicName string
param topicName string
param workspaceId string

resource newService 'Microsoft.Communication/communicationServices@2025-09-01' = if (!empty(newServiceName)) {
  name: empty(newServiceName) ? 'none' : newServiceName
  location: 'global'
  tags: tags
  properties: { dataLocation: dataLocation }
}

resource service 'Microsoft.Communication/communicationServices@2025-09-01' existing = if (empty(newServiceName)) {
  name: empty(serviceName) ? 'none' : serviceName
}

// Its identity writes the events that Event Grid gives up.
resource newTopic 'Microsoft.EventGrid/systemTopics@2025-02-15' = if (!empty(newTopicName)) {
  name: empty(newTopicName) ? 'none' : newTopicName
  location: 'global'
  tags: tags
  identity: { type: 'SystemAssigned' }
  properties: {
    source: empty(newServiceName) ? service.id : newService.id
    topicType: 'Microsoft.Communication.CommunicationServices'
  }
}

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: empty(newTopicName) ? topicName : newTopicName
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
output principalId string = empty(newTopicName) ? topic.identity.principalId : newTopic.identity.principalId

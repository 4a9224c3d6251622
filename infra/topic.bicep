// The ACS resource and its system topic. Each exists already, or is made; the topic is in the resource group of the ACS resource.

param tags object
param isNewService bool
param serviceName string
@description('Of a new ACS resource.')
param dataLocation string
param isNewTopic bool
param topicName string
param workspaceId string
param actionGroupIds array

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

// A rule tells the event subscription, which may be another than that of acs-push.
var bySubscription = [{ name: 'EventSubscriptionName', operator: 'Include', values: ['*'] }]

module alerts 'metric-alerts.bicep' = {
  name: 'acs-push-topic-alerts'
  dependsOn: [newTopic]
  params: {
    tags: tags
    resourceName: topicName
    resourceId: topic.id
    actionGroupIds: actionGroupIds
    rules: [
      {
        name: 'delivery-failures'
        metric: 'DeliveryAttemptFailCount'
        dimensions: bySubscription
        more: 10
        severity: 2
        window: 'PT15M'
        description: 'Event Grid could not deliver events. It repeats them until they expire.'
      }
      {
        name: 'dropped'
        metric: 'DroppedEventCount'
        dimensions: bySubscription
        more: 0
        severity: 1
        window: 'PT15M'
        description: 'Event Grid gave up events and could not keep them: they are lost.'
      }
      {
        name: 'dead-lettered'
        metric: 'DeadLetteredCount'
        dimensions: bySubscription
        more: 0
        severity: 2
        window: 'PT15M'
        description: 'Event Grid gave up events; they are in the container event-grid-dead-letters.'
      }
    ]
  }
}

output id string = topic.id
output principalId string = isNewTopic ? newTopic.identity.principalId : topic.identity.principalId

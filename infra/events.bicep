// The subscription of the Function App to the events of ACS, in the resource group of the system topic.
// deploy/release.sh applies it after the upload: Event Grid refuses it before the function exists.

param systemTopicName string

@description('Id of the Function App.')
param functionAppId string

@description('Id of the storage account for events that Event Grid gives up.')
param storageAccountId string

@description('Whether calls ring.')
param calls bool

@description('What is pushed unless NOTIFICATIONS_FILE switches more on: then its types belong here, too.')
param messageTypes array = [
  'Microsoft.Communication.SMSReceived'
  'Microsoft.Communication.ChatMessageReceived'
  'Microsoft.Communication.ChatMessageEdited'
  'Microsoft.Communication.ChatMessageDeleted'
  'Microsoft.Communication.ChatThreadCreatedWithUser'
  'Microsoft.Communication.ChatParticipantAddedToThreadWithUser'
  'Microsoft.Communication.ChatParticipantRemovedFromThreadWithUser'
  'Microsoft.Communication.ChatThreadWithUserDeleted'
]

@description('The longest time_to_live of a notification, which is 24 hours unless NOTIFICATIONS_FILE has another. An older event would expire.')
@minValue(1)
@maxValue(1440)
param timeToLiveInMinutes int = 1440

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: systemTopicName
}

resource push 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: topic
  name: 'acs-push'
  properties: {
    destination: {
      endpointType: 'AzureFunction'
      properties: {
        resourceId: '${functionAppId}/functions/EventGridTrigger'
        // The host would hand over the events of a batch one after the other.
        maxEventsPerBatch: 1
        preferredBatchSizeInKilobytes: 64
      }
    }
    eventDeliverySchema: 'EventGridSchema'
    filter: {
      includedEventTypes: concat(messageTypes, calls ? ['Microsoft.Communication.IncomingCall'] : [])
      // ACS writes a slash in front, its documentation does not. `subjectBeginsWith` takes one prefix only.
      advancedFilters: [
        {
          operatorType: 'StringBeginsWith'
          key: 'subject'
          values: [
            'phonenumber/'
            '/phonenumber/'
            'user/'
            '/user/'
            'thread/'
            '/thread/'
            'caller/'
            '/caller/'
          ]
        }
      ]
    }
    retryPolicy: {
      maxDeliveryAttempts: 30
      eventTimeToLiveInMinutes: timeToLiveInMinutes
    }
    deadLetterWithResourceIdentity: {
      identity: { type: 'SystemAssigned' }
      deadLetterDestination: {
        endpointType: 'StorageBlob'
        properties: {
          resourceId: storageAccountId
          blobContainerName: 'event-grid-dead-letters'
        }
      }
    }
  }
}

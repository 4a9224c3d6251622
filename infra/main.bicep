// From an empty subscription to everything but the program and its events: docs/deploy.md.
// Then deploy/release.sh uploads the program and applies events.bicep.
targetScope = 'subscription'

@description('Names everything, and is the tag azd-env-name.')
@minLength(1)
@maxLength(40)
param environmentName string

@description('Region of everything but the ACS resource and its topic, which have none. It has to offer the Flex Consumption plan.')
param location string

param resourceGroupName string = 'rg-${environmentName}'

@description('Id of the ACS resource. Empty: one is made.')
param communicationServiceId string = ''

@description('Where a new ACS resource keeps its data.')
param communicationDataLocation string = 'United States'

@description('Name of the system topic that the ACS resource has already, in its resource group, with a system-assigned identity: Event Grid allows one topic for each resource. Empty: one is made.')
param systemTopicName string = ''

@description('Bundle id of the iOS app. Empty: no iPhone gets a push.')
param iosBundleId string = ''

@description('Team id of the Apple developer account: ten characters.')
param appleTeamId string = ''

@description('Id of the APNs key: ten characters.')
param appleKeyId string = ''

@description('The file of the APNs key, AuthKey_….p8, in base64. Certificates are not supported: Notification Hubs drops the apns- headers with them.')
@secure()
param appleKey string = ''

@description('The JSON file of the Firebase service account, in base64. Empty: no Android phone gets a push.')
@secure()
param firebaseServiceAccount string = ''

@description('Whether calls ring: subscribes to IncomingCall, and on iOS makes the hub "calls".')
param calls bool = true

@description('Whether there is a second app, SANDBOX, for builds of the iOS app that Xcode installs: they get their tokens from Apple\'s sandbox.')
param sandbox bool = false

@description('Tier of the namespace. Free takes no batches.')
@allowed(['Free', 'Basic', 'Standard'])
param notificationHubsTier string = 'Basic'

@description('Instances that are always there for events, each billed around the clock: docs/deploy.md has the price. 0: after a quiet time the first event waits for a cold start.')
@minValue(0)
param alwaysReadyInstances int = 0

@allowed([512, 2048, 4096])
param instanceMemoryMB int = 512

@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('More settings of docs/settings.md, by name. A deployment replaces those that were set in another way.')
param settings object = {}

@description('Who gets an e-mail when an alert rule fires. Empty: nobody; the rules are made all the same.')
param alertEmail string = ''

@description('Object id of a person who looks at the store with the commands of docs/commands.md. Empty: nobody.')
param operatorId string = ''

var tags = { 'azd-env-name': environmentName }
var suffix = uniqueString(subscription().id, environmentName, location)
var isNewService = empty(communicationServiceId)
// /subscriptions/{2}/resourceGroups/{4}/providers/Microsoft.Communication/communicationServices/{8}
var idParts = split(isNewService ? '-/-/-/-/-/-/-/-/-' : communicationServiceId, '/')

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: resourceGroupName
  location: location
  tags: tags
}

module foundation 'foundation.bicep' = {
  name: 'acs-push-foundation'
  scope: group
  params: {
    location: location
    tags: tags
    suffix: suffix
  }
}

module alerts 'alerts.bicep' = {
  name: 'acs-push-alerts'
  scope: group
  params: {
    location: location
    tags: tags
    suffix: suffix
    insightsName: foundation.outputs.insightsName
    email: alertEmail
  }
}

module hubs 'hubs.bicep' = {
  name: 'acs-push-hubs'
  scope: group
  params: {
    location: location
    tags: tags
    namespaceName: 'ntfns-push-${suffix}'
    tier: notificationHubsTier
    vaultName: foundation.outputs.vaultName
    workspaceId: foundation.outputs.workspaceId
    actionGroupIds: alerts.outputs.actionGroupIds
    iosBundleId: iosBundleId
    appleTeamId: appleTeamId
    appleKeyId: appleKeyId
    appleKey: appleKey
    firebaseServiceAccount: firebaseServiceAccount
    calls: calls
    sandbox: sandbox
  }
}

// Event Grid wants the topic beside its source.
module topic 'topic.bicep' = {
  name: 'acs-push-topic'
  scope: resourceGroup(isNewService ? subscription().subscriptionId : idParts[2], isNewService ? group.name : idParts[4])
  params: {
    tags: tags
    isNewService: isNewService
    serviceName: isNewService ? 'acs-push-${suffix}' : idParts[8]
    dataLocation: communicationDataLocation
    isNewTopic: empty(systemTopicName)
    topicName: empty(systemTopicName) ? 'evgt-push-${suffix}' : systemTopicName
    workspaceId: foundation.outputs.workspaceId
    actionGroupIds: alerts.outputs.actionGroupIds
  }
}

module roles 'roles.bicep' = {
  name: 'acs-push-roles'
  scope: group
  params: {
    storageName: foundation.outputs.storageName
    deadLetterContainer: foundation.outputs.deadLetterContainer
    vaultName: foundation.outputs.vaultName
    insightsName: foundation.outputs.insightsName
    identityPrincipalId: foundation.outputs.identityPrincipalId
    topicPrincipalId: topic.outputs.principalId
    operatorId: operatorId
  }
}

module app 'app.bicep' = {
  name: 'acs-push-app'
  scope: group
  // The app reads its secrets and its storage as soon as it exists.
  dependsOn: [roles, hubs]
  params: {
    location: location
    tags: tags
    suffix: suffix
    identityName: foundation.outputs.identityName
    storageName: foundation.outputs.storageName
    packageContainer: foundation.outputs.packageContainer
    vaultName: foundation.outputs.vaultName
    insightsName: foundation.outputs.insightsName
    hasVoip: calls && !empty(iosBundleId)
    sandbox: sandbox
    alwaysReadyInstances: alwaysReadyInstances
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    settings: settings
  }
}

// What deploy/release.sh has to know. Their names begin with a small letter, because Azure changes that of others.
output functionAppId string = app.outputs.id
output systemTopicId string = topic.outputs.id
output storageAccountId string = foundation.outputs.storageId
output calls bool = calls

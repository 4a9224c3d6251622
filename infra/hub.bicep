// One hub, with a rule that may Send and nothing else, whose two connection strings go into the vault.

param location string
param tags object
param namespaceName string
param name string
param vaultName string
param workspaceId string
param actionGroupIds array
@description('Whether Android phones are reached through it, too.')
param android bool
@description('The apns-topic of its pushes. Empty: no credentials of Apple.')
param bundleId string
@description('Of APNs: production or sandbox.')
param endpoint string
param appleTeamId string
param appleKeyId string
@secure()
param appleKey string
@secure()
param firebaseServiceAccount string

// The hub wants the key without the first and last line of its file, in one line. `e30=` is an empty JSON object.
var keyFile = base64ToString(appleKey)
var keyBody = replace(replace(keyFile, '-----BEGIN PRIVATE KEY-----', ''), '-----END PRIVATE KEY-----', '')
var keyLine = replace(replace(keyBody, '\n', ''), '\r', '')
var firebase = base64ToJson(empty(firebaseServiceAccount) ? 'e30=' : firebaseServiceAccount)

resource namespace 'Microsoft.NotificationHubs/namespaces@2023-10-01-preview' existing = {
  name: namespaceName
}

resource hub 'Microsoft.NotificationHubs/namespaces/notificationHubs@2023-10-01-preview' = {
  parent: namespace
  name: name
  location: location
  tags: tags
  properties: {
    apnsCredential: empty(bundleId)
      ? null
      : {
          properties: {
            endpoint: endpoint
            appName: bundleId
            appId: appleTeamId
            keyId: appleKeyId
            token: keyLine
          }
        }
    fcmV1Credential: empty(firebaseServiceAccount)
      ? null
      : {
          properties: {
            projectId: firebase.?project_id
            clientEmail: firebase.?client_email
            privateKey: firebase.?private_key
          }
        }
  }

  resource send 'authorizationRules@2023-10-01-preview' = {
    name: 'Send'
    properties: { rights: ['Send'] }
  }
}

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: vaultName

  resource primary 'secrets@2024-11-01' = {
    name: '${name}-primary'
    properties: { value: hub::send.listKeys().primaryConnectionString }
  }
  resource secondary 'secrets@2024-11-01' = {
    name: '${name}-secondary'
    properties: { value: hub::send.listKeys().secondaryConnectionString }
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'acs-push'
  scope: hub
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'OperationalLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

// Unused tokens are normal: people remove apps. Many within an hour are tokens of another app, or of Apple's sandbox.
var services = android ? ['apns', 'fcmv1'] : ['apns']
var credentialRules = [
  for service in services: {
    name: '${service}-invalid-credentials'
    metric: 'outgoing.${service}.invalidcredentials'
    dimensions: []
    more: 0
    severity: 1
    window: 'PT15M'
    description: 'The push service refuses the credentials that this hub has for it.'
  }
]
var tokenRules = [
  for service in services: {
    name: '${service}-bad-tokens'
    metric: 'outgoing.${service}.badchannel'
    dimensions: []
    more: 20
    severity: 3
    window: 'PT1H'
    description: 'The push service does not know the tokens of many devices.'
  }
]

module alerts 'metric-alerts.bicep' = {
  name: 'acs-push-hub-${name}-alerts'
  params: {
    tags: tags
    resourceName: '${namespaceName}-${name}'
    resourceId: hub.id
    actionGroupIds: actionGroupIds
    rules: concat(credentialRules, tokenRules)
  }
}

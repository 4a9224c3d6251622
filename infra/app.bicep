// The Function App on the Flex Consumption plan, which is Linux on x86_64.

param location string
param tags object
param suffix string
param identityName string
param storageName string
param packageContainer string
param vaultName string
param insightsName string
@description('Whether there is a hub for calls on iOS.')
param hasVoip bool
param sandbox bool
param alwaysReadyInstances int
param instanceMemoryMB int
param maximumInstanceCount int
param settings object

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
}

resource storage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

// Of the Functions host. The program reads the first three, too: its store is the container acs-push of this account.
var hostSettings = {
  AzureWebJobsStorage__blobServiceUri: storage.properties.primaryEndpoints.blob
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identity.properties.clientId
  AzureWebJobsStorage__queueServiceUri: storage.properties.primaryEndpoints.queue
  AzureWebJobsStorage__tableServiceUri: storage.properties.primaryEndpoints.table
  APPLICATIONINSIGHTS_CONNECTION_STRING: insights.properties.ConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identity.properties.clientId};Authorization=AAD'
}

// Of the program: docs/settings.md. A rule opens one hub, so each hub has its own pair of connection strings.
var secret = '@Microsoft.KeyVault(VaultName=${vaultName};SecretName='
var alertSettings = {
  NOTIFICATION_HUB_NAME: 'alerts'
  NOTIFICATION_HUB_CONNECTION_STRING: '${secret}alerts-primary)'
  NOTIFICATION_HUB_SECONDARY_CONNECTION_STRING: '${secret}alerts-secondary)'
}
var voipSettings = {
  NOTIFICATION_HUB_VOIP_NAME: 'calls'
  NOTIFICATION_HUB_VOIP_CONNECTION_STRING: '${secret}calls-primary)'
  NOTIFICATION_HUB_VOIP_SECONDARY_CONNECTION_STRING: '${secret}calls-secondary)'
}
var sandboxSettings = {
  NOTIFICATION_HUB_SANDBOX_NAME: 'alerts-sandbox'
  NOTIFICATION_HUB_SANDBOX_CONNECTION_STRING: '${secret}alerts-sandbox-primary)'
  NOTIFICATION_HUB_SANDBOX_SECONDARY_CONNECTION_STRING: '${secret}alerts-sandbox-secondary)'
}
var sandboxVoipSettings = {
  NOTIFICATION_HUB_SANDBOX_VOIP_NAME: 'calls-sandbox'
  NOTIFICATION_HUB_SANDBOX_VOIP_CONNECTION_STRING: '${secret}calls-sandbox-primary)'
  NOTIFICATION_HUB_SANDBOX_VOIP_SECONDARY_CONNECTION_STRING: '${secret}calls-sandbox-secondary)'
}
var allSettings = union(
  hostSettings,
  alertSettings,
  hasVoip ? voipSettings : {},
  sandbox ? sandboxSettings : {},
  hasVoip && sandbox ? sandboxVoipSettings : {},
  settings
)

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: 'plan-push-${suffix}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: 'func-push-${suffix}'
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity.id}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identity.id
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${storage.properties.primaryEndpoints.blob}${packageContainer}'
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identity.id }
        }
      }
      // Azure takes any other version without a word, and then the host does not start.
      runtime: { name: 'custom', version: '1.0' }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        alwaysReady: alwaysReadyInstances > 0
          ? [{ name: 'function:EventGridTrigger', instanceCount: alwaysReadyInstances }]
          : []
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      appSettings: [for setting in items(allSettings): { name: setting.key, value: setting.value }]
    }
  }
}

output id string = app.id

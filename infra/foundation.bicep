// What everything else stands on: the identity of the app, its storage, the vault, and where logs go.
// Nothing here takes a key: the identity and its roles (roles.bicep) open all of it.

param location string
param tags object
param suffix string

var packages = 'packages'
var deadLetters = 'event-grid-dead-letters'

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-push-${suffix}'
  location: location
  tags: tags
}

resource storage 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: 'stpush${suffix}'
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: 'Standard_LRS' }
  properties: {
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }

  resource blobs 'blobServices@2025-06-01' = {
    name: 'default'

    // The program's own container is made by the program.
    resource packageContainer 'containers@2025-06-01' = { name: packages }
    resource deadLetterContainer 'containers@2025-06-01' = { name: deadLetters }
  }
}

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: 'kv-push-${suffix}'
  location: location
  tags: tags
  properties: {
    tenantId: subscription().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
  }
}

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' = {
  name: 'log-push-${suffix}'
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: 30
    features: { disableLocalAuth: true }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: 'appi-push-${suffix}'
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    DisableLocalAuth: true
  }
}

output identityName string = identity.name
output identityPrincipalId string = identity.properties.principalId
output storageId string = storage.id
output storageName string = storage.name
output packageContainer string = storage::blobs::packageContainer.name
output deadLetterContainer string = storage::blobs::deadLetterContainer.name
output vaultName string = vault.name
output workspaceId string = workspace.id
output insightsName string = insights.name

// The namespace and its hubs: "alerts", "calls" for calls on iOS, and both once more for Apple's sandbox.

param location string
param tags object
param namespaceName string
param tier string
param vaultName string
param workspaceId string
param actionGroupIds array
param iosBundleId string
param appleTeamId string
param appleKeyId string
@secure()
param appleKey string
@secure()
param firebaseServiceAccount string
param calls bool
param sandbox bool

var production = 'https://api.push.apple.com:443/3/device'
var development = 'https://api.development.push.apple.com:443/3/device'
var hasVoip = calls && !empty(iosBundleId)

// The topic of a push is the bundle id of its hub, so VoIP pushes need a hub of their own.
var alertHubs = concat(
  [{ name: 'alerts', bundleId: iosBundleId, endpoint: production, android: true }],
  sandbox ? [{ name: 'alerts-sandbox', bundleId: iosBundleId, endpoint: development, android: true }] : []
)
var voipHubs = concat(
  hasVoip ? [{ name: 'calls', bundleId: '${iosBundleId}.voip', endpoint: production, android: false }] : [],
  hasVoip && sandbox
    ? [{ name: 'calls-sandbox', bundleId: '${iosBundleId}.voip', endpoint: development, android: false }]
    : []
)

resource namespace 'Microsoft.NotificationHubs/namespaces@2023-10-01-preview' = {
  name: namespaceName
  location: location
  tags: tags
  sku: { name: tier }
  properties: {}
}

module hub 'hub.bicep' = [
  for each in concat(alertHubs, voipHubs): {
    name: 'acs-push-hub-${each.name}'
    params: {
      location: location
      tags: tags
      namespaceName: namespace.name
      name: each.name
      vaultName: vaultName
      workspaceId: workspaceId
      actionGroupIds: actionGroupIds
      bundleId: each.bundleId
      android: each.android
      endpoint: each.endpoint
      appleTeamId: appleTeamId
      appleKeyId: appleKeyId
      appleKey: appleKey
      firebaseServiceAccount: each.android ? firebaseServiceAccount : ''
    }
  }
]

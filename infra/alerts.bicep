// Alert rules over the log, and whom all rules tell. The queries are also for people: docs/operate.md, "Queries and alerts".

param location string
param tags object
param suffix string
param insightsName string
@description('Who gets an e-mail. Empty: the rules are in the portal only.')
param email string

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource operators 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(email)) {
  name: 'ag-push-${suffix}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'acs-push'
    enabled: true
    emailReceivers: [{ name: 'operator', emailAddress: email, useCommonAlertSchema: true }]
  }
}

// `more`: lines within 15 minutes that are still normal. With `byCode` each code is counted and told for itself.
var rules = [
  {
    name: 'errors'
    query: loadTextContent('queries/errors.kql')
    description: 'acs-push reports a fault of a hub, of the store or of its settings.'
    severity: 1
    more: 0
    byCode: false
  }
  {
    name: 'failed-events'
    query: loadTextContent('queries/failed-events.kql')
    description: 'Events fail. Event Grid repeats them until they expire.'
    severity: 2
    more: 10
    byCode: true
  }
  {
    name: 'dead-letters'
    query: loadTextContent('queries/dead-letters.kql')
    description: 'acs-push gave up events or devices, and keeps dead letters.'
    severity: 2
    more: 0
    byCode: true
  }
  {
    name: 'late-calls'
    query: loadTextContent('queries/late-calls.kql')
    description: 'Calls ring late, or not at all.'
    severity: 2
    more: 0
    byCode: false
  }
  {
    name: 'calls-as-alerts'
    query: loadTextContent('queries/calls-as-alerts.kql')
    description: 'Calls come to iPhones as alerts instead of ringing.'
    severity: 3
    more: 0
    byCode: true
  }
]

// The window is longer than the interval, because lines reach the log some minutes late.
resource rule 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for each in rules: {
    name: 'push-${suffix}-${each.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: 'acs-push: ${each.name}'
      description: each.description
      severity: each.severity
      enabled: true
      scopes: [insights.id]
      evaluationFrequency: 'PT5M'
      windowSize: 'PT15M'
      autoMitigate: true
      criteria: {
        allOf: [
          {
            query: each.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: each.more
            dimensions: each.byCode ? [{ name: 'code', operator: 'Include', values: ['*'] }] : []
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: { actionGroups: empty(email) ? [] : [operators.id] }
    }
  }
]

output actionGroupIds array = empty(email) ? [] : [operators.id]

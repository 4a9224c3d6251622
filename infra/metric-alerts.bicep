// Alert rules over the metrics of one resource: they hold even when the program does not run.

param tags object
param resourceName string
param resourceId string
param actionGroupIds array
@description('Of each rule: name, metric, dimensions, more (what is still normal within the window), severity, window, description.')
param rules array

var actions = [for id in actionGroupIds: { actionGroupId: id }]

resource rule 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for each in rules: {
    name: '${resourceName}-${each.name}'
    location: 'global'
    tags: tags
    properties: {
      description: each.description
      severity: each.severity
      enabled: true
      scopes: [resourceId]
      evaluationFrequency: 'PT5M'
      windowSize: each.window
      autoMitigate: true
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            criterionType: 'StaticThresholdCriterion'
            name: each.name
            metricName: each.metric
            dimensions: each.dimensions
            timeAggregation: 'Total'
            operator: 'GreaterThan'
            threshold: each.more
          }
        ]
      }
      actions: actions
    }
  }
]

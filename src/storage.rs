//! Everything that outlives an invocation: documents in Azure Blob, in a folder or in memory, and what they mean.

pub mod dead_letters;
#[cfg(test)]
mod explorer;
pub mod feedback;
pub mod installations;
pub mod instances;
pub mod lease;
pub mod ledger;
pub mod maintenance;
pub mod store;

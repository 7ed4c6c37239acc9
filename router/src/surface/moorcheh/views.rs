//! Bodies of this surface's answers. Lists are never null, and no user's text is a key outside of metadata.

use serde::Serialize;
use utoipa::ToSchema;

use crate::surface::moorcheh::metadata::ItemMetadata;

/// How a request went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// All of it.
    Success,
    /// A part of it.
    Partial,
    /// None of it.
    Failure,
}

/// A namespace that was made.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedView {
    /// Always `success`.
    pub status: Status,
    /// In words.
    pub message: String,
    /// Its name.
    pub namespace_name: String,
    /// `text` or `vector`.
    pub r#type: &'static str,
    /// Components of its vectors; null for text.
    pub vector_dimension: Option<u32>,
}

/// A namespace.
#[derive(Debug, Serialize, ToSchema)]
pub struct NamespaceView {
    /// Its name.
    pub namespace_name: String,
    /// `text` or `vector`.
    pub r#type: &'static str,
    /// Its items.
    pub item_count: u64,
    /// Sent, as false, if a shard didn't answer: the count then holds what that shard told last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item_count_exact: Option<bool>,
    /// Components of its vectors; null for text.
    pub vector_dimension: Option<u32>,
    /// When it was made.
    pub created_at: String,
}

/// The account's namespaces.
#[derive(Debug, Serialize, ToSchema)]
pub struct NamespacesView {
    /// By name.
    pub namespaces: Vec<NamespaceView>,
    /// Seconds.
    pub execution_time: f64,
}

/// A namespace that was deleted.
#[derive(Debug, Serialize, ToSchema)]
pub struct DroppedView {
    /// `partial` if shards are left that will drop it when they return.
    pub status: Status,
    /// In words.
    pub message: String,
    /// Its name.
    pub namespace_name: String,
    /// Items that went with it, as far as they are counted.
    pub deleted_items: u64,
    /// Shards that will drop it when they return.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pending_shards: Vec<u32>,
}

/// Documents that were stored.
#[derive(Debug, Serialize, ToSchema)]
pub struct DocumentsUploadedView {
    /// Always `success`.
    pub status: Status,
    /// In words.
    pub message: String,
    /// Their ids, each once, in the order sent.
    pub submitted_ids: Vec<String>,
    /// The namespace.
    pub namespace_name: String,
    /// How many.
    pub documents_processed: usize,
    /// Always `completed`: it is committed.
    pub processing_status: &'static str,
}

/// Vectors that were stored.
#[derive(Debug, Serialize, ToSchema)]
pub struct VectorsUploadedView {
    /// `partial` if some were not.
    pub status: Status,
    /// In words.
    pub message: String,
    /// Ids of those that were, each once, in the order sent.
    pub vector_ids_processed: Vec<String>,
    /// How many.
    pub vectors_processed: usize,
    /// Those that were not.
    pub errors: Vec<VectorErrorView>,
    /// The namespace.
    pub namespace_name: String,
    /// Always `completed`: it is committed.
    pub processing_status: &'static str,
}

/// A vector that was not stored.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VectorErrorView {
    /// Its id, if it has a good one.
    pub id: Option<String>,
    /// Its place in the request.
    pub index: usize,
    /// Why not.
    pub error: String,
}

/// What a delete did.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeletedView {
    /// `partial` if some ids' shards did not confirm, `failure` if none did.
    pub status: Status,
    /// In words.
    pub message: String,
    /// Of a failure: `UNAVAILABLE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<super::failure::Code>,
    /// Ids sent, repeats counted.
    pub requested_deletions: usize,
    /// Items that existed and were removed by this request.
    pub actual_deletions: u64,
    /// Items left in the namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining_items: Option<u64>,
    /// Sent, as false, if a shard didn't answer: the number then holds what that shard told last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining_items_exact: Option<bool>,
    /// As text, in the order sent.
    pub requested_ids: Vec<String>,
    /// Ids whose shard did not confirm: safe to send again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unprocessed_ids: Vec<String>,
    /// One for each of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<DeleteErrorView>,
}

/// An id whose shard did not confirm.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeleteErrorView {
    /// The id.
    pub id: String,
    /// Why.
    pub error: String,
}

/// Items by id.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundView {
    /// `partial` if some weren't found.
    pub status: Status,
    /// In words.
    pub message: String,
    /// Ids sent.
    pub requested_ids: usize,
    /// Items found.
    pub found_items: usize,
    /// The items, in the order asked for, each once.
    pub items: Vec<ItemView>,
    /// The same.
    pub documents: Vec<ItemView>,
    /// Those not found.
    pub not_found_ids: Vec<String>,
}

/// An item.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ItemView {
    /// Its id.
    pub id: String,
    /// Its text, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Its metadata, as it was sent.
    #[schema(value_type = Object)]
    pub(crate) metadata: std::sync::Arc<ItemMetadata>,
}

/// A page of items.
#[derive(Debug, Serialize, ToSchema)]
pub struct TextPageView {
    /// Always `success`.
    pub status: Status,
    /// In words.
    pub message: String,
    /// The namespace.
    pub namespace: String,
    /// Of this page.
    pub statistics: StatisticsView,
    /// By id.
    pub items: Vec<TextItemView>,
    /// Where the next page begins.
    pub pagination: PaginationView,
    /// Seconds.
    pub execution_time: f64,
}

/// Numbers of a page.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatisticsView {
    /// Items on it.
    pub total_items: usize,
    /// The same: a text is one chunk.
    pub total_text_chunks: usize,
    /// Always 0.
    pub total_summary_chunks: usize,
    /// The earliest `created_at` on it.
    pub created_at_min: Option<String>,
    /// The latest.
    pub created_at_max: Option<String>,
    /// Always empty: it would have users' text as keys, which the SDK rewrites.
    #[schema(value_type = Object)]
    pub source_counts: std::collections::BTreeMap<String, u64>,
}

/// An item of a page.
#[derive(Debug, Serialize, ToSchema)]
pub struct TextItemView {
    /// Its id.
    pub id: String,
    /// Its text.
    pub text: String,
    /// Its metadata, as it was sent.
    #[schema(value_type = Object)]
    pub(crate) metadata: ItemMetadata,
    /// When it was first stored.
    pub created_at: String,
    /// Always false.
    pub is_summary: bool,
}

/// Where the next page begins.
#[derive(Debug, Serialize, ToSchema)]
pub struct PaginationView {
    /// Most items on a page.
    pub limit: usize,
    /// Is there another?
    pub has_more: bool,
    /// Give it back to read on; null: there is no more.
    pub next_token: Option<String>,
}

/// What a search found.
#[derive(Debug, Serialize, ToSchema)]
pub struct SearchView {
    /// Best first, ties by namespace, then id.
    pub results: Vec<HitView>,
    /// Seconds.
    pub execution_time: f64,
    /// Where they went.
    pub timings: TimingsView,
}

/// Where a search's time went, seconds.
#[derive(Debug, Serialize, ToSchema)]
pub struct TimingsView {
    /// In all.
    pub total: f64,
}

/// A hit.
#[derive(Debug, Serialize, ToSchema)]
pub struct HitView {
    /// The item's id.
    pub id: String,
    /// Cosine similarity, at least 0, to 6 decimals.
    pub score: f64,
    /// The score in words.
    pub label: &'static str,
    /// Its text; empty if it has none.
    pub text: String,
    /// Its metadata, as it was sent.
    #[schema(value_type = Object)]
    pub(crate) metadata: ItemMetadata,
    /// Its namespace.
    pub namespace_name: String,
}

/// Files of a namespace: there are none.
#[derive(Debug, Serialize, ToSchema)]
pub struct FilesView {
    /// Always true.
    pub success: bool,
    /// The namespace.
    pub namespace: String,
    /// Always 0.
    pub file_count: usize,
    /// Always empty.
    #[schema(value_type = Vec<Object>)]
    pub files: Vec<()>,
}

/// Files that were to be deleted: none was there.
#[derive(Debug, Serialize, ToSchema)]
pub struct FilesDeletedView {
    /// Always true.
    pub success: bool,
    /// In words.
    pub message: String,
    /// The namespace.
    pub namespace: String,
    /// One for each name.
    pub results: Vec<FileResultView>,
}

/// A file that was to be deleted.
#[derive(Debug, Serialize, ToSchema)]
pub struct FileResultView {
    /// Its name.
    pub file_name: String,
    /// Always `error`.
    pub status: &'static str,
    /// Why.
    pub message: &'static str,
}

/// `1 item`, `2 items`.
pub(super) fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

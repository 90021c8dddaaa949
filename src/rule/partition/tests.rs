//! The key of every node, and the property that makes keys worth having.

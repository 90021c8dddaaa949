//! Stories of expressions over data.

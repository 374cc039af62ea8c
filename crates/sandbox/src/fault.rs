//! The fault plan: what goes wrong on purpose. Implementation follows the types.

//! The emulator's answers against the platform's own OpenAPI description.

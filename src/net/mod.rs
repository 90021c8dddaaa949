//! Sockets: what is listened on ([`config`]).

pub mod config;

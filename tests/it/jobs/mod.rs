//! The laws of jobs: one at a time in a lane, in order, never lost, never done twice.

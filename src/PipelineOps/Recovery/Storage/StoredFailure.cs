namespace PipelineOps;

/// <summary>A failure in a store, with what became of it.</summary>
/// <param name="Record">The failure.</param>
/// <param name="Status">What became of it; a claim whose lease has expired reads as <see cref="FailureStatus.Open"/>.</param>
/// <param name="Decision">What a person decided on a parked record; <see langword="null"/> as long as nobody has.</param>
/// <param name="Resolution">How a redriven or discarded failure ended; <see langword="null"/> before.</param>
/// <param name="LeaseExpiresAt">When a claim ends by itself; only while it is claimed.</param>
public sealed record StoredFailure(
    FailureRecord Record,
    FailureStatus Status,
    FailureDecision? Decision = null,
    FailureResolution? Resolution = null,
    DateTimeOffset? LeaseExpiresAt = null);

namespace PipelineOps;

/// <summary>What an instrument measures.</summary>
public enum InstrumentKind : byte
{
    /// <summary>A sum that only grows: ask for its rate.</summary>
    Counter,

    /// <summary>A sum that goes up and down: add the values of several processes.</summary>
    UpDownCounter,

    /// <summary>A reading that makes no sense as a sum.</summary>
    Gauge,

    /// <summary>A distribution: ask for its percentiles.</summary>
    Histogram,
}

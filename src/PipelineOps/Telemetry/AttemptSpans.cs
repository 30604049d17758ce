namespace PipelineOps;

/// <summary>When the attempts of a call are spans of their own, children of the call's.</summary>
public enum AttemptSpans : byte
{
    /// <summary>
    /// When there is more than one. That there is a second is known only after the first: its span is made then, with the times that it had, and what its delegate traced is
    /// a child of the call's span.
    /// </summary>
    WhenRetried,

    /// <summary>Always.</summary>
    Always,

    /// <summary>Never: the call's span has an event for each retry, and that is all.</summary>
    Never,
}

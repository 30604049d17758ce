namespace PipelineOps;

/// <summary>About which failures a notifier is told.</summary>
public sealed class NotificationOptions
{
    /// <summary>The lowest severity that is worth a notification.</summary>
    /// <value>The default is <see cref="ErrorSeverity.High"/>.</value>
    public ErrorSeverity MinimumSeverity { get; set; } = ErrorSeverity.High;

    /// <summary>How many notifications may wait for the notifier; beyond that the oldest are left out, and the number of those is logged.</summary>
    /// <value>The default is 1,000; from 1 to 1,000,000.</value>
    public int QueueCapacity { get; set; } = 1_000;

    internal NotificationOptions Copy() => (NotificationOptions)MemberwiseClone();

    internal void Validate(OptionsProblems problems, string prefix)
    {
        problems.Require(Enum.IsDefined(MinimumSeverity), $"{prefix}{nameof(MinimumSeverity)}", MinimumSeverity, "a named severity");
        problems.Require(QueueCapacity is >= 1 and <= 1_000_000, $"{prefix}{nameof(QueueCapacity)}", QueueCapacity, "from 1 to 1000000");
    }
}

namespace PipelineOps;

/// <summary>How a <see cref="FileFailureStore"/> keeps its files. Read once, when the store is opened.</summary>
public sealed class FileFailureStoreOptions
{
    /// <summary>How many bytes a file may have before the next one is begun. What is written at once goes into one file, which may be larger for it.</summary>
    /// <value>The default is 16 MiB; from 4 KiB to 1 GiB.</value>
    public long SegmentBytes { get; set; } = 16 << 20;

    /// <summary>How old a file may be before the next one is begun. Looked at when something is written.</summary>
    /// <value>The default is 1 day; at least 1 s; <see langword="null"/> to begin files by size only.</value>
    public TimeSpan? SegmentAge { get; set; } = TimeSpan.FromDays(1);

    /// <summary>
    /// How many bytes all files may have together. Beyond that appends throw <see cref="FailureStoreFullException"/>, after what retention allows to
    /// delete has been deleted; claims, decisions, resolutions and purges, which are small and end in free space, are still taken.
    /// </summary>
    /// <value><see langword="null"/> (the default) for no limit but the disk's; otherwise at least <see cref="SegmentBytes"/>.</value>
    public long? MaxBytes { get; set; }

    /// <summary>How long redriven and discarded failures are kept, from their resolution. Applied when the store is opened and when it begins a file.</summary>
    /// <value>The default is 30 days; at least zero; <see langword="null"/> to keep them until they are purged.</value>
    public TimeSpan? RetainResolved { get; set; } = TimeSpan.FromDays(30);

    /// <summary>
    /// How long failures are kept whatever became of them, from their last attempt, except while they are claimed. This deletes failures that nobody has
    /// looked at. Applied when the store is opened and when it begins a file.
    /// </summary>
    /// <value><see langword="null"/> (the default) to keep what is unresolved for ever; otherwise more than zero.</value>
    public TimeSpan? RetainAll { get; set; }

    /// <summary>
    /// Whether the store is only read, as beside a process that writes it: takes no lock, changes no file, and looks for what is new each time it is asked.
    /// It may show what the other process is about to acknowledge.
    /// </summary>
    /// <value>The default is <see langword="false"/>.</value>
    public bool ReadOnly { get; set; }

    /// <summary>The clock for leases, retention and the age of files.</summary>
    /// <value>The default is <see cref="TimeProvider.System"/>.</value>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    internal FileFailureStoreOptions Validated()
    {
        var problems = new OptionsProblems();
        problems.Require(SegmentBytes is >= 4 << 10 and <= 1 << 30, nameof(SegmentBytes), SegmentBytes, "from 4096 to 1073741824");
        problems.Require(SegmentAge is null || SegmentAge >= TimeSpan.FromSeconds(1), nameof(SegmentAge), SegmentAge, "at least 1 s, or null to begin files by size only");
        problems.Require(MaxBytes is null || MaxBytes >= SegmentBytes, nameof(MaxBytes), MaxBytes, "at least SegmentBytes, or null for no limit");
        problems.Require(RetainResolved is null || RetainResolved >= TimeSpan.Zero, nameof(RetainResolved), RetainResolved, "at least zero, or null to keep them until they are purged");
        problems.Require(RetainAll is null || RetainAll > TimeSpan.Zero, nameof(RetainAll), RetainAll, "more than zero, or null to keep what is unresolved for ever");
        problems.Require(TimeProvider is not null, nameof(TimeProvider), null, "set");
        problems.ThrowIfAny();
        return (FileFailureStoreOptions)MemberwiseClone();
    }
}

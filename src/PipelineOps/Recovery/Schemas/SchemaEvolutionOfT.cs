namespace PipelineOps;

/// <summary>
/// Goes on with records whose schema has changed as long as that is compatible, processing each once more, adapted if need be; sets the others aside,
/// grouped by what is different. Give it to <see cref="RecoveryOptions.Use"/> for <see cref="RecoveryStrategy.EvolveSchema"/>.
/// </summary>
/// <remarks>
/// Records of another type than <typeparamref name="T"/> are left to the next strategy, and so are records that fail for another reason than their schema
/// when they are processed once more. If one of the functions throws, the record is quarantined, and the exception kept as
/// <see cref="RecoveryContext.RecoveryError"/>.
/// </remarks>
/// <typeparam name="T">The type of the records.</typeparam>
public sealed class SchemaEvolution<T> : IRecovery
{
    private readonly RecordSchema _expected;
    private readonly Func<T, RecordSchema> _readSchema;

    /// <summary>Says which schema is expected, and how to see that of a record.</summary>
    /// <param name="expected">The schema that the handler is written for.</param>
    /// <param name="readSchema">Reads the schema that a record has. Asked for records only that failed because of their schema.</param>
    public SchemaEvolution(RecordSchema expected, Func<T, RecordSchema> readSchema)
    {
        ArgumentNullException.ThrowIfNull(expected);
        ArgumentNullException.ThrowIfNull(readSchema);
        _expected = expected;
        _readSchema = readSchema;
    }

    /// <summary>Says whether the handler can go on in spite of a difference, perhaps with an adapted record.</summary>
    /// <value><see langword="null"/> (the default) for <see cref="SchemaDifference.IsCompatible"/>.</value>
    public Func<SchemaDifference, bool>? IsCompatible { get; init; }

    /// <summary>Makes a record of the expected schema out of one with a compatible difference.</summary>
    /// <value><see langword="null"/> (the default) to process the record as it is.</value>
    public Func<T, SchemaDifference, T>? Adapt { get; init; }

    /// <inheritdoc/>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public async ValueTask<RecoveryOutcome> RecoverAsync(RecoveryContext context, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (context.Record is not T record)
            return RecoveryOutcome.Escalate;

        SchemaDifference? difference = null;
        try
        {
            difference = SchemaDifference.Between(_expected, _readSchema(record));
            if (!(IsCompatible?.Invoke(difference) ?? difference.IsCompatible))
                return Quarantine(context, difference);

            if (Adapt is not null)
                record = Adapt(record, difference);
        }
        catch (Exception exception)
        {
            context.RecoveryError = exception;
            return Quarantine(context, difference);
        }

        if (await context.TryAgainAsync(record, cancellationToken).ConfigureAwait(false))
            return RecoveryOutcome.Recovered;

        // A call that was cut off says nothing of the record.
        cancellationToken.ThrowIfCancellationRequested();
        return context.Classification.Category == ErrorCategory.Schema ? Quarantine(context, difference) : RecoveryOutcome.Escalate;
    }

    private static RecoveryOutcome Quarantine(RecoveryContext context, SchemaDifference? difference)
    {
        // Records without a difference have nothing in common but their exception.
        if (difference is { IsEmpty: false })
            context.Fingerprint = difference.Fingerprint;
        return RecoveryOutcome.Keep(Disposition.Quarantined, DispositionReason.Poison, NextAction.Continue);
    }
}
